"""Tenant manifests, as short as a test can say them."""

import copy
from typing import Any


def tenant(name: str, **spec: Any) -> dict[str, Any]:
    """A Tenant with this spec; consumers may be given as names alone."""
    spec = copy.deepcopy(spec)
    if "consumers" in spec:
        spec["consumers"] = [{"name": c} if isinstance(c, str) else c for c in spec["consumers"]]
    return {
        "apiVersion": "bulkhead.dev/v1alpha1",
        "kind": "Tenant",
        "metadata": {"name": name},
        "spec": spec,
    }


def condition(resource: dict[str, Any], kind: str) -> dict[str, Any]:
    """One condition of a Tenant's status, or {} when it is absent."""
    found = [c for c in resource.get("status", {}).get("conditions", []) if c["type"] == kind]
    return dict(found[0]) if found else {}


def stream_name(tenant_name: str) -> str:
    return f"TENANT_{tenant_name.upper()}"
