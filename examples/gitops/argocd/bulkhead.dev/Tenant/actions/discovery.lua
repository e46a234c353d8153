-- What can be done to this Tenant from Argo CD.
local mode = obj.spec ~= nil and obj.spec.mode or "Enforce"
local annotations = obj.metadata.annotations or {}

local actions = {}
actions["reconcile"] = { ["disabled"] = false }
actions["suspend"] = { ["disabled"] = mode == "Suspend" }
actions["resume"] = { ["disabled"] = mode == "Enforce" }
actions["allow-delete"] = { ["disabled"] = annotations["bulkhead.dev/allow-delete"] == "true" }
return actions
