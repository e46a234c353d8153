-- Health of a Tenant as Argo CD shows it. It follows kstatus: Stalled is a failure, Reconciling is
-- work, and Ready counts only when it speaks of the newest generation.
local function condition(kind)
  if obj.status == nil or obj.status.conditions == nil then
    return nil
  end
  for _, each in ipairs(obj.status.conditions) do
    if each.type == kind then
      return each
    end
  end
  return nil
end

local function health(status, message)
  return { status = status, message = message }
end

if obj.spec ~= nil and obj.spec.mode == "Suspend" then
  return health("Suspended", "spec.mode is Suspend: the tenant's events wait")
end
if obj.status == nil or obj.status.observedGeneration ~= obj.metadata.generation then
  return health("Progressing", "The controller has not seen this generation yet")
end

local stalled = condition("Stalled")
if stalled ~= nil and stalled.status == "True" then
  return health("Degraded", stalled.message)
end
local reconciling = condition("Reconciling")
if reconciling ~= nil and reconciling.status == "True" then
  return health("Progressing", reconciling.message)
end
local ready = condition("Ready")
if ready == nil then
  return health("Progressing", "There is no condition Ready yet")
end
if ready.status ~= "True" then
  return health("Progressing", ready.message)
end
for _, kind in ipairs({ "DataLossSuspected", "Delivering" }) do
  local each = condition(kind)
  if each ~= nil and each.status == ((kind == "Delivering") and "False" or "True") then
    return health("Healthy", kind .. " is " .. each.status .. ": " .. each.message)
  end
end
return health("Healthy", ready.message)
