"""Each request to the webhook is a span, in the trace that its event came with."""

from collections.abc import Callable, Iterator

import pytest

from support.kube_cluster import KubeCluster
from support.kubectl import Kubectl
from support.otlp_collector import OtlpCollector, Span
from support.program import free_port
from support.waiting import eventually
from support.webhook import (
    Delivery,
    Provisioner,
    created,
    event,
    signed,
    status,
)

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"
ANNOTATION = "bulkhead.dev/traceparent"


@pytest.fixture
def collector() -> Iterator[OtlpCollector]:
    with OtlpCollector() as made:
        yield made


@pytest.fixture
def traced(collector: OtlpCollector, new_provisioner: Callable[..., Provisioner]) -> Provisioner:
    return new_provisioner(f"--otlp-endpoint={collector.url}").start()


def spans(collector: OtlpCollector, count: int) -> list[Span]:
    eventually(lambda: len(collector.spans) >= count, f"{count} spans have come")
    return collector.spans


def in_trace(delivery: Delivery, flags: str = "01") -> Delivery:
    header = {"traceparent": f"00-{TRACE}-{PARENT}-{flags}"}
    return Delivery(delivery.headers | header, delivery.body, delivery.path, delivery.method)


def test_an_event_goes_on_in_its_trace_and_so_does_its_tenant(
    collector: OtlpCollector, traced: Provisioner, kubectl: Kubectl
) -> None:
    delivery = in_trace(created("acme"))
    answer = traced.connect().send(delivery)
    span = spans(collector, 1)[0]
    assert (span["name"], span["kind"]) == ("POST /v1/tenants", 2)
    assert (span["traceId"], span["parentSpanId"]) == (TRACE, PARENT)
    assert int(span["startTimeUnixNano"]) < int(span["endTimeUnixNano"])
    assert span["resource"]["service.name"] == "bulkhead-provisioner"
    wanted = {
        "http.request.method": "POST",
        "http.route": "/v1/tenants",
        "http.response.status_code": "202",
        "client.address": "127.0.0.1",
        "bulkhead.request": answer.headers["x-request-id"],
        "bulkhead.outcome": "created",
        "bulkhead.event.id": delivery.headers["webhook-id"],
        "bulkhead.event.type": "account.created",
        "bulkhead.account": "acme",
        "bulkhead.tenant": "acme",
    }
    assert span["attributes"] == wanted
    noted = kubectl.get("tenant", "acme")["metadata"]["annotations"][ANNOTATION]
    assert noted == f"00-{TRACE}-{span['spanId']}-01"
    assert traced.audit()[0]["trace"] == TRACE


def test_each_outcome_is_a_span(collector: OtlpCollector, traced: Provisioner) -> None:
    sender = traced.connect()
    for delivery in (
        created("acme"),
        signed(event("invoice.paid", "acme")),
        signed(event("account.suspended", "nobody")),
        Delivery({}, b"{}"),
        status("acme"),
        Delivery({}, b"", "/elsewhere", "GET"),
    ):
        sender.send(delivery)
    found = [
        (
            s["name"],
            s["attributes"]["http.response.status_code"],
            s["attributes"]["bulkhead.outcome"],
        )
        for s in spans(collector, 6)
    ]
    assert found == [
        ("POST /v1/tenants", "202", "created"),
        ("POST /v1/tenants", "204", "ignored"),
        ("POST /v1/tenants", "404", "no-such-tenant"),
        ("POST /v1/tenants", "401", "missing-signature"),
        ("GET /v1/tenants/{id}", "200", "status"),
        ("HTTP", "404", "not-found"),
    ]
    assert all("status" not in span for span in collector.spans)
    assert len({span["traceId"] for span in collector.spans}) == 6
    counted = traced.metrics()['bulkhead_otlp_spans_total{result="sent"}']
    assert counted == 6


def test_a_stranger_cannot_put_a_span_into_a_trace_of_ours(
    collector: OtlpCollector, traced: Provisioner
) -> None:
    traced.connect().send(in_trace(Delivery({}, b"{}")))
    span = spans(collector, 1)[0]
    assert span["traceId"] != TRACE
    assert "parentSpanId" not in span


def test_a_trace_that_nobody_records_is_not_recorded_here(
    collector: OtlpCollector, traced: Provisioner, kubectl: Kubectl
) -> None:
    sender = traced.connect()
    sender.send(in_trace(created("acme"), flags="00"))
    sender.send(created("globex"))
    assert [s["attributes"]["bulkhead.tenant"] for s in spans(collector, 1)] == ["globex"]
    noted = kubectl.get("tenant", "acme")["metadata"]["annotations"][ANNOTATION]
    assert noted.startswith(f"00-{TRACE}-")
    assert noted.endswith("-00")


def test_a_request_that_could_not_be_served_is_a_failed_span(
    collector: OtlpCollector, traced: Provisioner, cluster: KubeCluster
) -> None:
    cluster.apiserver.kill()
    assert traced.connect().send(created("acme")).code == 503
    span = spans(collector, 1)[0]
    assert span["status"] == {"code": 2, "message": "unavailable"}
    assert span["attributes"]["error.type"] == "unavailable"


def test_spans_that_are_not_sent_yet_are_sent_at_the_end(
    collector: OtlpCollector, traced: Provisioner
) -> None:
    traced.connect().send(created("acme"))
    assert traced.stop() == 0
    assert len(collector.spans) == 1


def test_a_collector_that_is_away_delays_nobody(
    new_provisioner: Callable[..., Provisioner],
) -> None:
    provisioner = new_provisioner(f"--otlp-endpoint=http://127.0.0.1:{free_port()}").start()
    sender = provisioner.connect()
    for n in range(5):
        assert sender.send(created(f"acme-{n}")).code == 202
    eventually(lambda: "traces cannot be sent" in provisioner.tail(), "it is said")
    assert provisioner.stop() == 0
