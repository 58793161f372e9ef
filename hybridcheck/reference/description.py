"""What the reference system offers, in plain data, for whoever writes a profile for it."""

import tempfile
from dataclasses import replace
from typing import Any

from hybridcheck.reference.gateway.application import Gateway
from hybridcheck.reference.launcher import ReferenceSystem
from hybridcheck.reference.openapi import declared_statuses


def describe() -> dict[str, Any]:
    """Routes (method, path, access, schemas, statuses) and identities; passwords only as names of variables."""
    system = ReferenceSystem()
    identities = {
        name: {
            "role": identity.role,
            "tenant": identity.tenant,
            "access_ttl_s": identity.access_ttl_s,
            "password": f"env:REFERENCE_{name.upper()}_PASSWORD",
        }
        for name, identity in system.identities.items()
    }
    with tempfile.TemporaryDirectory() as folder:
        table = Gateway(replace(system.settings, state_dir=folder)).routes
    routes = [
        {
            "method": route.method,
            "path": route.path,
            "operation": route.operation,
            "summary": route.summary,
            "tag": route.tag,
            "access": route.access,
            "body": route.body,
            "safe": route.safe or route.method == "GET",
            "answers": declared_statuses(route),
        }
        for route in table
    ]
    return {"identities": identities, "routes": routes, "native_key": "env:REFERENCE_GATEWAY_KEY"}
