/* An HTTP or HTTPS server that strangers may reach. Over libmicrohttpd.
 *
 * Everything they can make long has a bound: connections, also of one address, the head and the
 * body of a request, and the time that either takes, byte by byte or not at all. A handler answers
 * at once or later, from any thread; no thread waits meanwhile. */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include "base.h"
#include "error.h"
#include "text.h"

enum { HTTP_HEADERS_MAX = 6 };

typedef struct HttpRequest HttpRequest;
typedef struct HttpServer HttpServer;

typedef struct HttpAnswer {
    unsigned code;
    const char *type; /* of the body; constant. NULL: there is no body */
    Text body;
    struct {
        const char *name;
        char *value;
    } headers[HTTP_HEADERS_MAX];
    size_t header_count;
} HttpAnswer;

/* NAME is constant, VALUE is copied. */
void http_answer_add(HttpAnswer *answer, const char *name, const char *value);
void http_answer_done(HttpAnswer *answer);

/* True: RET_ANSWER was filled and is the answer. */
typedef bool HttpHandlerFn(void *context, HttpRequest *request, HttpAnswer *ret_answer);

/* Called in the server's threads, so that they should not wait. on_end comes once for each request
 * that on_head saw; CODE is 0 where it never became whole or its client left. */
typedef struct HttpHandler {
    HttpHandlerFn *on_head;    /* false: read the body, too                                  */
    HttpHandlerFn *on_request; /* false: http_request_answer() will be called, whatever comes */
    void (*on_end)(void *context, HttpRequest *request, unsigned code);
    void *context;
} HttpHandler;

typedef struct HttpSettings {
    const char *flag;   /* for messages: "--listen" */
    const char *listen; /* as for listen_socket_open() */
    int64_t connections;
    int64_t connections_per_source; /* 0: no limit */
    int64_t body_bytes;
    int64_t request_ms; /* for the head, for the body, and for taking the answer */
    int64_t idle_ms;    /* between two requests of a connection                  */
    int64_t threads;
} HttpSettings;

/* PEM texts; NULL both: plain HTTP. */
typedef struct HttpCertificate {
    const char *certificate;
    const char *key;
} HttpCertificate;

/* Nobody is let in before http_server_open(). Texts of SETTINGS are borrowed for the call. */
int http_server_new(const HttpSettings *settings, const HttpHandler *handler,
                    HttpServer **ret_server, Error *reterr) MUST_CHECK;

/* Lets clients in, or, when it is open, shows this certificate to all that come from now on; the
 * others finish what they have begun. ERROR_INVALID where certificate and key are not a pair: all
 * stays as it was. ERROR_BUSY while clients of the certificate before last are still there. */
int http_server_open(HttpServer *server, const HttpCertificate *certificate, Error *reterr)
    MUST_CHECK;

/* Lets nobody in any more, waits for the answers that are owed, then for at most DRAIN_MS until
 * they are sent. Takes NULL. */
void http_server_stop(HttpServer *server, int64_t drain_ms);

uint16_t http_server_port(const HttpServer *server);
size_t http_server_connections(HttpServer *server);

/* Borrowed until the request is answered. A header that came twice shows its first value; NULL:
 * there is none. The path is percent-decoded and has no query. */
const char *http_request_method(const HttpRequest *request);
const char *http_request_path(const HttpRequest *request);
const char *http_request_header(const HttpRequest *request, const char *name);

/* All values of a header that may come several times, in their order, with commas between them. The
 * caller frees it; NULL: there is none. */
char *http_request_header_list(const HttpRequest *request, const char *name);

const char *http_request_query(const HttpRequest *request, const char *name);

/* Bytes of all names and values of the head. */
size_t http_request_head_bytes(const HttpRequest *request);

/* NUL-terminated. NULL if there was more than the limit. */
const char *http_request_body(const HttpRequest *request, size_t *ret_length);

/* The client's address as digits, without its port. */
const char *http_request_peer(const HttpRequest *request);

/* What the handler wants to find again. */
void http_request_set_data(HttpRequest *request, void *data);
void *http_request_data(const HttpRequest *request);

/* The answer to a request that on_request kept; takes ANSWER's contents over. REQUEST is gone
 * afterwards. */
void http_request_answer(HttpRequest *request, HttpAnswer *answer);

#endif
