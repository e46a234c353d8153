-- Holds the tenant's traffic: rows wait in the outbox, consumers are paused where the server can.
obj.spec.mode = "Suspend"
return obj
