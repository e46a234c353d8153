#!/bin/bash
# The demo on a real cluster: `helm install`, three Tenants, rows committed to an outbox, and what
# `kubectl get tenants` shows of it. With KEEP=1 the cluster stays up. `make cluster-demo` calls it.
set -euo pipefail
. "$(dirname "$0")/places.sh"
cd "$HERE/../.."

in_node() {
    "$HERE/in.sh" "$@"
}

say() {
    printf '\n\033[1m$ %s\033[0m\n' "$*"
    in_node "$@"
}

sql() {
    in_node kubectl -n servers exec shell -- psql --quiet -c "$1"
}

bring_servers() {
    local archive
    for archive in build/images/cluster/*.tar; do
        in_node ctr images import "$archive" >/dev/null
    done
    in_node kubectl apply -f "$HERE/servers.yaml" >/dev/null
    in_node kubectl -n servers wait --for=condition=Ready pod --all --timeout=90s >/dev/null
    in_node kubectl create namespace bulkhead >/dev/null
    in_node kubectl -n bulkhead create secret generic app-database \
        --from-literal=uri=postgresql://app@postgres.servers/postgres >/dev/null
}

# commit ROWS: for each Tenant, in one transaction.
commit() {
    sql "INSERT INTO outbox (tenant_id, event_type, payload)
        SELECT tenant, 'invoice-created', '{}' FROM generate_series(1, $1),
        unnest(ARRAY['acme', 'globex', 'initech']) AS tenant"
}

"$HERE/can.sh" || exit 1
"$HERE/up.sh"
[ "${KEEP:-0}" != 0 ] || trap '"$HERE/down.sh"' EXIT
bring_servers
say helm install bulkhead charts/bulkhead --namespace bulkhead --wait \
    --values tests/cluster/release.yaml --set controller.resync=1s,controller.statusInterval=1s |
    sed -n '/^NAME/,/^REVISION/p'
say kubectl apply -f examples/tenants
say kubectl wait --for=condition=Ready tenants --all --timeout=60s
echo
echo "Committing 1000 rows for each tenant ..."
commit 1000
in_node kubectl -n servers exec shell -- sh -c \
    "until psql -qAt -c \"SELECT count(*) FROM outbox WHERE status <> 'published'\" | grep -qx 0
    do sleep 0.2; done"
say kubectl -n servers exec shell -- nats stream ls
sleep 4 # a sweep, and then the status
say kubectl get tenants
echo
echo "Reading the events of acme ..."
for consumer in billing audit; do
    in_node kubectl -n servers exec shell -- \
        nats consumer next TENANT_ACME "$consumer" --count 1000 --raw >/dev/null
done
sleep 4
say kubectl get tenants
say kubectl -n bulkhead get pods
if [ "${KEEP:-0}" != 0 ]; then
    cat <<TEXT

The cluster stays up. Talk to it with
  tests/cluster/in.sh kubectl get tenants
and end it with
  tests/cluster/down.sh
TEXT
fi
