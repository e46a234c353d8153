#include "certificate.h"

#include <openssl/pem.h>
#include <time.h>

static void defer_x509(X509 **slot)
{
    X509_free(*slot);
}

static void defer_bio(BIO **slot)
{
    (void)BIO_free(*slot);
}

bool certificate_has_expired(const char *path, char ret_end[CERTIFICATE_TIME_SIZE])
{
    DEFER(defer_bio) BIO *file = BIO_new_file(path, "r");
    DEFER(defer_x509)
    X509 *certificate = file != NULL ? PEM_read_bio_X509(file, NULL, NULL, NULL) : NULL;
    struct tm end;

    if (certificate == NULL || X509_cmp_current_time(X509_get0_notAfter(certificate)) >= 0 ||
        ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) != 1)
        return false;
    return strftime(ret_end, CERTIFICATE_TIME_SIZE, "%Y-%m-%dT%H:%M:%SZ", &end) > 0;
}
