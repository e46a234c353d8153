#include "kube_limit.h"

enum { SECOND_US = 1000000 };

int64_t kube_limit_take_us(KubeLimit *limit, int64_t now_us)
{
    if (limit->per_second <= 0)
        return 0;
    const int64_t token_us = SECOND_US / limit->per_second;

    limit->spent_us = max_i64(limit->spent_us, now_us) + token_us;
    return max_i64(0, limit->spent_us - now_us - token_us * max_i64(1, limit->burst));
}
