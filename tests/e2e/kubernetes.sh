#!/usr/bin/env bash
# deploy-safe-rollout-kubernetes-online-endpoints.sh of Azure's examples, in its order; run in
# Azure's folder `cli`. Kubernetes endpoints mirror nothing (azure.md 2.3).
. "$(dirname "$0")/azure_cli.sh"
KUBERNETES=endpoints/online/kubernetes
REQUEST_2=endpoints/online/model-2/sample-request.json

export ENDPOINT_NAME=endpt-k8s-$RANDOM

az ml online-endpoint create --name $ENDPOINT_NAME -f $KUBERNETES/kubernetes-endpoint.yml > created.json
expect "kind and mode" "$(az ml online-endpoint show -n $ENDPOINT_NAME \
  --query '[kind, auth_mode, tags.tag1]' -o tsv)" \
"Kubernetes
key
endpoint-tag1-value"
az ml online-deployment create --name blue --endpoint-name $ENDPOINT_NAME \
  -f $KUBERNETES/kubernetes-blue-deployment.yml --all-traffic > created.json
az ml online-deployment update --name blue --endpoint-name $ENDPOINT_NAME --set instance_count=2 > updated.json
expect "instances" "$(az ml online-deployment show -n blue -e $ENDPOINT_NAME \
  --query '[type, instance_count, resources.limits.memory]' -o tsv)" \
"kubernetes
2
200Mi"
az ml online-deployment create --name green --endpoint-name $ENDPOINT_NAME \
  -f $KUBERNETES/kubernetes-green-deployment.yml > created.json
expect "traffic with green" "$(az ml online-endpoint show -n $ENDPOINT_NAME --query traffic)" \
'{
  "blue": 100,
  "green": 0
}'
expect "invoke of green" "$(az ml online-endpoint invoke --name $ENDPOINT_NAME \
  --deployment-name green --request-file $REQUEST_2)" '"[0.5, 0.5]"'
az ml online-endpoint update --name $ENDPOINT_NAME --traffic "blue=90 green=10" > updated.json
az ml online-endpoint update --name $ENDPOINT_NAME --traffic "blue=0 green=100" > updated.json
expect "invoke at the end" "$(az ml online-endpoint invoke --name $ENDPOINT_NAME \
  --request-file $REQUEST_2 -o tsv)" '[0.5, 0.5]'
expect "delete of a deployment" "$(az ml online-deployment delete --name blue \
  --endpoint $ENDPOINT_NAME --yes)" ""
expect "delete of an endpoint" "$(az ml online-endpoint delete --name $ENDPOINT_NAME --yes)" ""
