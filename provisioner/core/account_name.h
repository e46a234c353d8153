/* An account's id, and the Tenant's name that follows from it. Pure. */
#ifndef ACCOUNT_NAME_H
#define ACCOUNT_NAME_H

#include "base.h"
#include "subject.h"

enum { ACCOUNT_ID_MAX = 256 };

/* 1 to ACCOUNT_ID_MAX bytes of UTF-8 without control characters. */
bool account_id_valid(const char *account);

/* The same name for the same account, always: the id itself where it is a tenant's name, else what
 * is left of it and eight digits of its SHA-256 ("Acme, Inc." -> "acme-inc-1f2e3d4c"). Two accounts
 * may meet in one name; whose it is stands in the Tenant's annotation. */
void account_name(const char *account, char ret_name[TENANT_ID_MAX + 1]);

/* Well-formed UTF-8 of LENGTH bytes. */
bool utf8_valid(const char *text, size_t length);

#endif
