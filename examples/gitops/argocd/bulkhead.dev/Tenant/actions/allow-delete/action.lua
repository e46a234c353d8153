-- Permits the deletion of a Tenant whose stream goes with it; see admissionPolicies.deleteProtection.
if obj.metadata.annotations == nil then
  obj.metadata.annotations = {}
end
obj.metadata.annotations["bulkhead.dev/allow-delete"] = "true"
return obj
