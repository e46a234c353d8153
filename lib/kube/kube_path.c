#include "kube_path.h"

#include "alloc.h"
#include "text.h"

/* Far above any real one; a bound all the same, since selectors come from settings. */
enum { PATH_BYTES_MAX = 1 << 20 };

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

static void add_encoded(Text *path, const char *part)
{
    for (const char *c = part; *c != '\0'; c++) {
        if (is_unreserved(*c))
            text_add_bytes(path, c, 1);
        else
            text_addf(path, "%%%02X", (unsigned)(unsigned char)*c);
    }
}

static void add_segment(Text *path, const char *segment)
{
    assert(*segment != '\0' && !text_eq(segment, ".") && !text_eq(segment, ".."));
    text_add(path, "/");
    add_encoded(path, segment);
}

char *kube_path(const KubeRef *ref, const char *subresource, const KubeParam *params, size_t count)
{
    DEFER(text_done) Text path = TEXT_MAX(PATH_BYTES_MAX);
    const KubeResource *resource = ref->resource;
    bool first = true;

    assert(subresource == NULL || ref->name != NULL);
    text_add(&path, *resource->group != '\0' ? "/apis" : "/api");
    if (*resource->group != '\0')
        add_segment(&path, resource->group);
    add_segment(&path, resource->version);
    if (ref->namespace != NULL) {
        text_add(&path, "/namespaces");
        add_segment(&path, ref->namespace);
    }
    add_segment(&path, resource->plural);
    if (ref->name != NULL)
        add_segment(&path, ref->name);
    if (subresource != NULL)
        add_segment(&path, subresource);
    for (size_t i = 0; i < count; i++) {
        if (params[i].value == NULL)
            continue;
        text_add(&path, first ? "?" : "&");
        add_encoded(&path, params[i].name);
        text_add(&path, "=");
        add_encoded(&path, params[i].value);
        first = false;
    }
    assert(!path.full);
    return text_take(&path);
}

char *kube_api_version(const KubeResource *resource)
{
    return *resource->group == '\0' ? xstrdup(resource->version)
                                    : xasprintf("%s/%s", resource->group, resource->version);
}

static bool is_version(const char *text)
{
    return text[0] >= '1' && text[0] <= '9' && text[strspn(text, "0123456789")] == '\0';
}

int kube_version_compare(const char *a, const char *b)
{
    bool a_known = a != NULL && is_version(a);
    bool b_known = b != NULL && is_version(b);

    if (!a_known || !b_known)
        return (int)a_known - (int)b_known;

    size_t a_length = strlen(a);
    size_t b_length = strlen(b);
    if (a_length != b_length)
        return a_length < b_length ? -1 : 1;
    return strcmp(a, b);
}
