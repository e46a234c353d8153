"""What other people's tools demand of a Tenant's conditions, checked on every status of every test.

The rules are those of Flux's conditions check, of kstatus and of metav1.Condition, written down a
second time on purpose: the program has its own, and they must agree. One deviation, which the
manual names: a suspended Tenant is Ready=Unknown without Reconciling.
"""

import base64
import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.request import Request, urlopen

from support.kube_servers import Etcd

TENANTS = "/registry/bulkhead.dev/tenants/"
BEYOND = "/registry/bulkhead.dev/tenants1"  # the end of the range, with the sentinel inside
SENTINEL = "/registry/bulkhead.dev/tenants0-end-of-the-test"
OURS = "bulkhead-controller"
REASON = re.compile(r"[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?")
ABNORMAL = ("Reconciling", "Stalled")
ANSWER_SECONDS = 20
NEW = {"status": {"observedGeneration": -1}}  # what the CRD's default shows and etcd does not hold


def broken_rules(tenant: dict[str, Any]) -> list[str]:
    """Every rule that this Tenant's status breaks, as a sentence."""
    status = tenant["status"]
    found = list(status.get("conditions") or [])
    by_type = {condition["type"]: condition for condition in found}
    state = {kind: condition["status"] for kind, condition in by_type.items()}
    ready = state.get("Ready")
    generation = tenant["metadata"]["generation"]
    observed = status.get("observedGeneration", -1)
    seen = [condition.get("observedGeneration", -1) for condition in found]
    suspended = by_type.get("Ready", {}).get("reason") == "Suspended"
    rules = [
        (ready is not None, "Ready is missing"),
        (len(by_type) == len(found), "a condition is there twice"),
        (
            all(state.get(kind) in (None, "True") for kind in ABNORMAL),
            "Reconciling or Stalled is there without being True",
        ),
        (not all(kind in state for kind in ABNORMAL), "Reconciling and Stalled are both there"),
        (
            ready != "True" or not any(kind in state for kind in ABNORMAL),
            "Ready is True beside Reconciling or Stalled",
        ),
        (ready != "True" or state.get("InSync") != "False", "Ready is True beside InSync=False"),
        ("Stalled" not in state or ready == "False", "Stalled without Ready=False"),
        (
            ready != "Unknown" or "Reconciling" in state or suspended,
            "Ready is Unknown without Reconciling",
        ),
        (observed <= generation, "observedGeneration is ahead of the generation"),
        (ready != "True" or observed == generation, "Ready is True for an older generation"),
        (
            all(0 <= each <= generation for each in seen),
            "a condition's observedGeneration is missing or ahead",
        ),
        (
            ready != "True" or all(each == observed for each in seen),
            "Ready is True and a condition speaks of another generation",
        ),
        (
            all(REASON.fullmatch(c.get("reason", "")) for c in found),
            "a condition's reason is no CamelCase word",
        ),
        (
            all("message" in c and c.get("lastTransitionTime") for c in found),
            "a condition lacks message or time",
        ),
    ]
    return [sentence for holds, sentence in rules if not holds]


def broken_steps(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Every rule that a change of the status from one version to the next breaks."""
    old = {c["type"]: c for c in before["status"].get("conditions") or []}
    new = {c["type"]: c for c in after["status"].get("conditions") or []}
    broken = [
        f"{kind}: lastTransitionTime moved though the status did not"
        for kind in old.keys() & new.keys()
        if old[kind]["status"] == new[kind]["status"]
        and old[kind]["lastTransitionTime"] != new[kind]["lastTransitionTime"]
    ]
    if after["status"].get("observedGeneration", -1) < before["status"]["observedGeneration"]:
        broken.append("observedGeneration went back")
    return broken


class TenantHistory:
    """All that was ever written to Tenants since this was made, as etcd remembers it."""

    def __init__(self, etcd: Etcd) -> None:
        self.etcd = etcd
        at = self._ask("kv/range", {"key": _coded(TENANTS)})
        self.start = int(json.loads(at.readline())["header"]["revision"]) + 1

    def versions(self) -> Iterator[dict[str, Any]]:
        """Every version of every Tenant, in the order of the writes."""
        if not self.etcd.running:
            self.etcd.start()
        put = self._ask("kv/put", {"key": _coded(SENTINEL), "value": ""})
        end = json.loads(put.readline())["header"]["revision"]
        watch = {
            "key": _coded(TENANTS),
            "range_end": _coded(BEYOND),
            "start_revision": str(self.start),
        }
        with self._ask("watch", {"create_request": watch}) as answer:
            for line in answer:
                for event in json.loads(line)["result"].get("events", []):
                    if event["kv"]["mod_revision"] == end:
                        return
                    if event.get("type") != "DELETE" and event["kv"]["key"] != _coded(SENTINEL):
                        yield NEW | json.loads(base64.b64decode(event["kv"]["value"]))

    def findings(self) -> list[str]:
        """What is wrong with any status that the controller wrote."""
        last: dict[str, dict[str, Any]] = {}
        found: list[str] = []
        for tenant in self.versions():
            name, uid = tenant["metadata"]["name"], tenant["metadata"]["uid"]
            before = last.get(uid)
            last[uid] = tenant
            if before is None or before["status"] == tenant["status"] or not _is_ours(tenant):
                continue
            broken = broken_rules(tenant) + broken_steps(before, tenant)
            found += [f"{name}: {rule}: {json.dumps(tenant['status'])}" for rule in broken]
        return found

    def _ask(self, path: str, body: Any) -> Any:
        url = f"{self.etcd.url}/v3/{path}"
        return urlopen(Request(url, json.dumps(body).encode()), timeout=ANSWER_SECONDS)


def _coded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _is_ours(tenant: dict[str, Any]) -> bool:
    """Whether the controller has written this status, and not a test by hand."""
    entries = tenant["metadata"].get("managedFields", [])
    last: dict[str, Any] = max(
        (e for e in entries if e.get("subresource") == "status"), key=_time, default={}
    )
    return last.get("manager") == OURS


def _time(entry: dict[str, Any]) -> str:
    return str(entry.get("time", ""))
