#!/usr/bin/env bash
# Writes what the chart is given and what it gives:
#
#   tools/chart.sh files DIR    DIR/chart/files: copies of the CRD, roles, alerts and dashboard of
#                               deploy/, which a chart cannot reach outside of itself
#   tools/chart.sh render DIR   DIR/manifests/auditflow.yaml: the chart, rendered with its defaults
#
# "make generate" says deploy, the targets that compare a directory of their own.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
to=$2

files() {
	mkdir -p "$to/chart/files"
	cp "$root/deploy/crd/execution.kubernaut.io_kubernetesexecutions.yaml" "$to/chart/files/crd.yaml"
	cp "$root/deploy/rbac/role.yaml" "$to/chart/files/role.yaml"
	cp "$root/deploy/rbac/api.yaml" "$to/chart/files/api-role.yaml"
	cp "$root/deploy/alerts.yaml" "$root/deploy/dashboard.json" "$to/chart/files/"
}

render() {
	mkdir -p "$to/manifests"
	{
		echo '# Written by "make generate": the chart in ../chart, rendered with its defaults and values.yaml'
		echo '# beside this file. Change those, or what is here with kustomize.'
		"$root/bin/helm" template auditflow "$root/deploy/chart" --namespace auditflow --kube-version 1.30.0 --values "$root/deploy/manifests/values.yaml"
	} >"$to/manifests/auditflow.yaml"
}

case $1 in
files | render) "$1" ;;
*) echo "tools/chart.sh: want files or render, not $1" >&2; exit 2 ;;
esac
