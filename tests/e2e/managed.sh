#!/usr/bin/env bash
# deploy-managed-online-endpoint.sh of Azure's examples, in its order; run in Azure's folder `cli`.
. "$(dirname "$0")/azure_cli.sh"
SAMPLE=endpoints/online/managed/sample
REQUEST=endpoints/online/model-1/sample-request.json

export ENDPOINT_NAME=endpt-moe-$RANDOM

az ml online-endpoint create --name $ENDPOINT_NAME -f $SAMPLE/endpoint.yml > created.json
az ml online-deployment create --name blue --endpoint $ENDPOINT_NAME \
  -f $SAMPLE/blue-deployment.yml --all-traffic --set tags.stage=test instance_count=1 > created.json

expect "keys of an endpoint" "$(az ml online-endpoint show -n $ENDPOINT_NAME --query 'keys(@)' -o tsv)" \
"auth_mode
id
identity
kind
location
mirror_traffic
name
openapi_uri
properties
provisioning_state
public_network_access
resourceGroup
scoring_uri
tags
traffic"
endpoint_status=$(az ml online-endpoint show --name $ENDPOINT_NAME --query "provisioning_state" -o tsv)
expect "state of the endpoint" "$endpoint_status" Succeeded

deploy_status=$(az ml online-deployment show --name blue --endpoint $ENDPOINT_NAME \
  --query "provisioning_state" -o tsv)
expect "state of the deployment" "$deploy_status" Succeeded
expect "tag by --set" "$(az ml online-deployment show --name blue --endpoint $ENDPOINT_NAME \
  --query tags -o json)" \
'{
  "stage": "test"
}'
expect_like "id of the model" "$(az ml online-deployment show -n blue -e $ENDPOINT_NAME \
  --query model -o tsv)" 'azureml:/subscriptions/*/models/*/versions/1'
expect_like "id of the code" "$(az ml online-deployment show -n blue -e $ENDPOINT_NAME \
  --query code_configuration.code -o tsv)" '/subscriptions/*/codes/*/versions/1'
expect_like "id of the environment" "$(az ml online-deployment show -n blue -e $ENDPOINT_NAME \
  --query environment -o tsv)" \
  'azureml:/subscriptions/*/environments/CliV2AnonymousEnvironment/versions/*'
expect "what the user registered" "$(az ml model list)" '[]'

expect_like "invoke" "$(az ml online-endpoint invoke --name $ENDPOINT_NAME --request-file $REQUEST)" \
  '"\[*.*, *.*\]"'

ENDPOINT_KEY=$(az ml online-endpoint get-credentials --name $ENDPOINT_NAME --query primaryKey -o tsv)
SCORING_URI=$(az ml online-endpoint show -n $ENDPOINT_NAME -o tsv --query scoring_uri)
expect_like "answer to curl" "$(curl --silent --show-error --request POST "$SCORING_URI" \
  --header "Authorization: Bearer $ENDPOINT_KEY" --header 'Content-Type: application/json' \
  --data @$REQUEST)" '\[*.*, *.*\]'
OPENAPI_URI=$(az ml online-endpoint show -n $ENDPOINT_NAME -o tsv --query openapi_uri)
expect_like "swagger" "$(curl --silent --show-error "$OPENAPI_URI" \
  --header "Authorization: Bearer $ENDPOINT_KEY")" '{*"/score"*}'

az ml online-deployment get-logs --name blue --endpoint $ENDPOINT_NAME > blue.log
expect_like "logs as plain text" "$(cat blue.log)" $'*model 1: request received\n*'
expect "the last line alone" "$(az ml online-deployment get-logs --name blue \
  --endpoint $ENDPOINT_NAME --lines 1)" "$(tail -n 1 blue.log)"

# As azure.md 3.3 has it: on update --set takes numbers, and zeros are dropped.
az ml online-deployment update --name blue --endpoint $ENDPOINT_NAME --set instance_count=2 > updated.json
az ml online-deployment update --name blue --endpoint $ENDPOINT_NAME -f $SAMPLE/blue-deployment.yml > updated.json
expect "instances by the file" "$(az ml online-deployment show -n blue --endpoint $ENDPOINT_NAME \
  --query '[instance_count, tags]' -o json)" \
'[
  1,
  {}
]'
az ml online-endpoint update -n $ENDPOINT_NAME --set traffic.blue=0 > updated.json
expect "traffic by --set" "$(az ml online-endpoint show -n $ENDPOINT_NAME --query traffic)" \
'{
  "blue": 0
}'

expect "delete" "$(az ml online-endpoint delete --name $ENDPOINT_NAME --yes)" ""
expect "list after the end" "$(az ml online-endpoint list -o tsv)" ""
