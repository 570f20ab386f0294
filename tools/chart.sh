#!/usr/bin/env bash
# Writes what the chart is given and what it gives: DIR/chart/files, copies of the CRD, roles,
# alerts and dashboard of deploy/, which a chart cannot reach outside of itself, and
# DIR/manifests/auditflow.yaml, the chart rendered with its defaults.
#
#   tools/chart.sh DIR    "make generate" says deploy, "make verify" a copy of it
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
to=$1

mkdir -p "$to/chart/files" "$to/manifests"
cp "$root/deploy/crd/execution.kubernaut.io_kubernetesexecutions.yaml" "$to/chart/files/crd.yaml"
cp "$root/deploy/rbac/role.yaml" "$to/chart/files/role.yaml"
cp "$root/deploy/rbac/api.yaml" "$to/chart/files/api-role.yaml"
cp "$root/deploy/alerts.yaml" "$root/deploy/dashboard.json" "$to/chart/files/"

{
	echo '# Written by "make generate": the chart in ../chart, rendered with its defaults and values.yaml'
	echo '# beside this file. Change those, or what is here with kustomize.'
	"$root/bin/helm" template auditflow "$to/chart" --namespace auditflow --kube-version 1.30.0 --values "$root/deploy/manifests/values.yaml"
} >"$to/manifests/auditflow.yaml"
