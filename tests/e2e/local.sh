#!/usr/bin/env bash
# deploy-local-endpoint.sh of Azure's examples, in its order; run in Azure's folder `cli`.
# `--local` is this daemon, so unlike Azure's a local endpoint has keys (azure.md 9.3).
. "$(dirname "$0")/azure_cli.sh"
SAMPLE=endpoints/online/managed/sample
REQUEST=endpoints/online/model-1/sample-request.json

export ENDPOINT_NAME=endpt-moe-$RANDOM

az ml online-endpoint create --local -n $ENDPOINT_NAME -f $SAMPLE/endpoint.yml > created.json
az ml online-deployment create --local -n blue --endpoint $ENDPOINT_NAME \
  -f $SAMPLE/blue-deployment.yml --all-traffic > created.json
expect "state and place" "$(az ml online-endpoint show -n $ENDPOINT_NAME --local \
  --query '[provisioning_state, location]' -o tsv)" \
"Succeeded
local"
expect_like "invoke" "$(az ml online-endpoint invoke --local --name $ENDPOINT_NAME \
  --request-file $REQUEST)" '"\[*.*, *.*\]"'
SCORING_URI=$(az ml online-endpoint show --local -n $ENDPOINT_NAME -o tsv --query scoring_uri)
KEY=$(az ml online-endpoint get-credentials -n $ENDPOINT_NAME -o tsv --query primaryKey)
expect_like "answer to curl" "$(curl --silent --show-error --request POST "$SCORING_URI" \
  --header "Authorization: Bearer $KEY" --data @$REQUEST)" '\[*.*, *.*\]'
az ml online-deployment get-logs --local -n blue --endpoint $ENDPOINT_NAME > blue.log
expect_like "logs" "$(cat blue.log)" $'*model 1: request received\n*'
expect "delete" "$(az ml online-endpoint delete --local --name $ENDPOINT_NAME --yes)" ""
