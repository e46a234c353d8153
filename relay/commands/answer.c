#include "answer.h"

int answer_flush(Error *reterr)
{
    if (fflush(stdout) == EOF || ferror(stdout) != 0)
        return error_set(reterr, ERROR_BUSY, "cannot write to standard output");
    return 0;
}

const char *answer_rows(int64_t count)
{
    return count == 1 ? "row" : "rows";
}
