/* An HTTP/1.1 server on loopback that plays a script: each request gets the next reply. */
#ifndef FAKE_HTTP_H
#define FAKE_HTTP_H

#include "base.h"

typedef enum FakeEnd {
    FAKE_WHOLE,   /* the body has a length and the connection is kept   */
    FAKE_CUT,     /* the body has none, and the connection is cut in it */
    FAKE_OPEN,    /* likewise, but the connection stays, silent         */
    FAKE_NOTHING, /* no answer at all: the connection is closed         */
} FakeEnd;

typedef struct FakeReply {
    const char *status;  /* NULL: "200 OK"             */
    const char *headers; /* each with "\r\n"; NULL: "" */
    const char *body;    /* NULL: ""                   */
    size_t length;       /* 0: the length of the text  */
    FakeEnd end;
} FakeReply;

typedef struct FakeHttp FakeHttp;

/* REPLIES are borrowed. A request after the last reply is kept waiting, and fake_http_done_fd()
 * becomes readable. */
FakeHttp *fake_http_start(const FakeReply *replies, size_t count)
    __attribute__((__returns_nonnull__));
void fake_http_stop(FakeHttp *server);
DEFINE_DEFER(FakeHttp *, defer_fake_http, fake_http_stop)

/* "http://127.0.0.1:12345" */
const char *fake_http_url(const FakeHttp *server);
int fake_http_done_fd(const FakeHttp *server);

/* How many requests and connections there were. */
size_t fake_http_requests(FakeHttp *server);
size_t fake_http_connections(FakeHttp *server);

/* Request I as it came: head, empty line, body. "" if there was none. */
const char *fake_http_request(FakeHttp *server, size_t i);

#endif
