#!/bin/bash
# Makes the cluster's certificates in $RUN/pki and a kubeconfig for each of its programs.
set -euo pipefail
. "$(dirname "$0")/places.sh"

KEY=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30)
cd "$RUN/pki"

# certificate NAME SUBJECT [NAMES-AND-ADDRESSES]
certificate() {
    openssl req -x509 -CA ca.crt -CAkey ca.key "${KEY[@]}" -subj "$2" -keyout "$1.key" \
        -out "$1.crt" -addext basicConstraints=critical,CA:FALSE \
        -addext extendedKeyUsage=serverAuth,clientAuth \
        ${3:+-addext "subjectAltName=$3"} 2>/dev/null
}

# client NAME SUBJECT: a certificate, and a kubeconfig that uses it
client() {
    certificate "$1" "$2"
    cat >"$RUN/kubeconfig/$1" <<KUBECONFIG
apiVersion: v1
kind: Config
clusters:
- name: cluster
  cluster: {server: "https://$NODE_IP:6443", certificate-authority: $RUN/pki/ca.crt}
users:
- name: user
  user: {client-certificate: $RUN/pki/$1.crt, client-key: $RUN/pki/$1.key}
contexts:
- name: context
  context: {cluster: cluster, user: user}
current-context: context
KUBECONFIG
}

openssl req -x509 "${KEY[@]}" -subj /CN=bulkhead-tests -keyout ca.key -out ca.crt \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign 2>/dev/null
service=kubernetes.default.svc
certificate apiserver /CN=kube-apiserver "IP:$NODE_IP,IP:$API_SERVICE_IP,IP:127.0.0.1,DNS:$service,\
DNS:$service.cluster.local"
certificate kubelet-server "/CN=$NODE" "IP:$NODE_IP,DNS:$NODE"
certificate apiserver-kubelet "/O=system:masters/CN=apiserver-kubelet-client"
client admin "/O=system:masters/CN=admin"
client kube-controller-manager /CN=system:kube-controller-manager
client kube-scheduler /CN=system:kube-scheduler
client kube-proxy /CN=system:kube-proxy
client kubelet "/O=system:nodes/CN=system:node:$NODE"
openssl ecparam -name prime256v1 -genkey -noout -out sa.key
openssl ec -in sa.key -pubout -out sa.pub 2>/dev/null
