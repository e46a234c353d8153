/* Objects read and written: what a controller does to a resource. Knows no kind.
 *
 * Errors have the kind of kube_status_kind() and name the object. Where RET_OBJECT is not NULL
 * it becomes the caller's (cJSON_Delete): the object as the server now has it. The field manager
 * is the client's name. */
#ifndef KUBE_OBJECT_H
#define KUBE_OBJECT_H

#include "kube_client.h"
#include "kube_path.h"

/* A live read from the store, never from a cache. ERROR_NOT_FOUND only on the API server's word
 * that this object is not there; ERROR_REFUSED where it does not know the kind. */
int kube_get(KubeClient *client, const KubeRef *ref, cJSON **ret_object, Error *reterr) MUST_CHECK;

/* ERROR_CONFLICT if it is there already. apiVersion, kind, name and namespace are filled in
 * where BODY lacks them; without any name metadata.generateName must be there. */
int kube_create(KubeClient *client, const KubeRef *ref, const cJSON *body, cJSON **ret_object,
                Error *reterr) MUST_CHECK;

/* Full replacement; BODY carries the resourceVersion it was read with. */
int kube_replace(KubeClient *client, const KubeRef *ref, const cJSON *body, cJSON **ret_object,
                 Error *reterr) MUST_CHECK;

/* Server-side apply with force: fields that this client applied before and BODY no longer has are
 * removed. It creates the object where it is missing, unless BODY has metadata.uid. */
int kube_apply(KubeClient *client, const KubeRef *ref, const cJSON *body, cJSON **ret_object,
               Error *reterr) MUST_CHECK;

/* Server-side apply of STATUS (the value of .status). VERSION is the resourceVersion of the object
 * that was judged: it alone keeps a status from landing on a namesake made since (the server
 * ignores a uid here). ERROR_CONFLICT if the object changed. A write that changes nothing is none.
 */
typedef struct KubeStatusWrite {
    const char *version;
    const cJSON *status;
} KubeStatusWrite;

int kube_apply_status(KubeClient *client, const KubeRef *ref, const KubeStatusWrite *write,
                      cJSON **ret_object, Error *reterr) MUST_CHECK;

/* Merge patch. CHANGES should carry metadata.resourceVersion. Never creates. */
int kube_merge(KubeClient *client, const KubeRef *ref, const cJSON *changes, cJSON **ret_object,
               Error *reterr) MUST_CHECK;

/* Puts FINALIZER on OBJECT, or takes it off, where it is not so already. The server tests the uid
 * and the list as OBJECT shows them: ERROR_CONFLICT where they changed, ERROR_NOT_FOUND where the
 * object is gone; it is never made again. */
typedef struct KubeFinalizer {
    const cJSON *object; /* as last read */
    const char *name;
    bool present; /* what it shall be */
} KubeFinalizer;

int kube_set_finalizer(KubeClient *client, const KubeRef *ref, const KubeFinalizer *finalizer,
                       cJSON **ret_object, Error *reterr) MUST_CHECK;
bool kube_has_finalizer(const cJSON *object, const char *name);

/* Deletes this very object (uid and resourceVersion of OBJECT are preconditions). */
int kube_delete(KubeClient *client, const KubeRef *ref, const cJSON *object, Error *reterr)
    MUST_CHECK;

#endif
