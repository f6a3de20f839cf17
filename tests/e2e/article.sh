#!/usr/bin/env bash
# The article's safe rollout, in its order and words; run in Azure's folder `cli`.
# Each output is compared with the shape that az gives it.
. "$(dirname "$0")/azure_cli.sh"
SAMPLE=endpoints/online/managed/sample
REQUEST_1=endpoints/online/model-1/sample-request.json
REQUEST_2=endpoints/online/model-2/sample-request.json

# As Azure's script names it; a capital shows that names are lower-cased.
export ENDPOINT_NAME="endpt-Moe-$RANDOM"

az ml online-endpoint create --name $ENDPOINT_NAME -f $SAMPLE/endpoint.yml > created.json
expect "created name" "$(python -c 'import json; print(json.load(open("created.json"))["name"])')" \
  "${ENDPOINT_NAME,,}"

az ml online-deployment create --name blue --endpoint-name $ENDPOINT_NAME \
  -f $SAMPLE/blue-deployment.yml --all-traffic > blue.json
python -c 'import json; json.load(open("blue.json"))'

BLUE_ANSWER=$(az ml online-endpoint invoke --name $ENDPOINT_NAME --request-file $REQUEST_1)
expect_like "invoke" "$BLUE_ANSWER" '"\[*.*, *.*\]"'

az ml online-deployment update --name blue --endpoint-name $ENDPOINT_NAME --set instance_count=2 \
  --query instance_count > count
expect "instances" "$(cat count)" 2

az ml online-deployment create --name green --endpoint-name $ENDPOINT_NAME \
  -f $SAMPLE/green-deployment.yml > green.json

expect "traffic with green" "$(az ml online-endpoint show -n $ENDPOINT_NAME --query traffic)" \
'{
  "blue": 100,
  "green": 0
}'

expect "invoke of green" "$(az ml online-endpoint invoke --name $ENDPOINT_NAME \
  --deployment-name green --request-file $REQUEST_2)" '"[0.5, 0.5]"'
expect "invoke of green as text" "$(az ml online-endpoint invoke --name $ENDPOINT_NAME \
  --deployment green --request-file $REQUEST_2 -o tsv)" '[0.5, 0.5]'

ENDPOINT_KEY=$(az ml online-endpoint get-credentials -n $ENDPOINT_NAME -o tsv --query primaryKey)
expect "key in one line without quotes" "${ENDPOINT_KEY//[0-9A-Za-z]/}" ""
expect "both keys" "$(az ml online-endpoint get-credentials -n $ENDPOINT_NAME --query 'keys(@)' -o tsv)" \
"primaryKey
secondaryKey"
SCORING_URI=$(az ml online-endpoint show -n $ENDPOINT_NAME -o tsv --query scoring_uri)
expect_like "scoring_uri" "$SCORING_URI" 'http*/score'

score() { # HEADER...: the answer's headers and body
  local headers=()
  for header in "$@"; do headers+=(--header "$header"); done
  curl --silent --show-error --include --request POST "$SCORING_URI" \
    --header "Authorization: Bearer $ENDPOINT_KEY" --header 'Content-Type: application/json' \
    "${headers[@]}" --data @$REQUEST_2 | tr -d '\r'
}

DIRECT=$(score "azureml-model-deployment: green")
expect_like "direct call" "$DIRECT" 'HTTP/1.1 200 OK*azureml-model-deployment: green*[0.5, 0.5\]'

az ml online-endpoint update --name $ENDPOINT_NAME --mirror-traffic "green=10" \
  --query mirror_traffic > mirror
expect "mirror" "$(cat mirror)" \
'{
  "green": 10
}'
expect "traffic beside a mirror" "$(az ml online-endpoint show -n $ENDPOINT_NAME --query traffic)" \
'{
  "blue": 100
}'
before=$(az ml online-deployment get-logs --name green --endpoint $ENDPOINT_NAME \
  | grep -c "model 2: request received")
for _ in {1..20}; do
  az ml online-endpoint invoke --name $ENDPOINT_NAME --request-file $REQUEST_1 > answer
  expect "invoke beside a mirror" "$(cat answer)" "$BLUE_ANSWER"
done
# A copy may be answered after its original.
for _ in {1..100}; do
  after=$(az ml online-deployment get-logs --name green --endpoint $ENDPOINT_NAME \
    | grep -c "model 2: request received")
  [ $((after - before)) -lt 2 ] || break
done
expect "copies of 20 requests at 10 %" $((after - before)) 2
az ml online-deployment get-logs --name blue --endpoint $ENDPOINT_NAME > blue.log
expect_like "logs as plain text" "$(cat blue.log)" $'*model 1: request received\n*'

az ml online-endpoint update --name $ENDPOINT_NAME --mirror-traffic "green=0" \
  --query mirror_traffic > mirror
expect "no mirror" "$(cat mirror)" '{}'

az ml online-endpoint update --name $ENDPOINT_NAME --traffic "blue=90 green=10" > updated.json
green=0
for _ in {1..100}; do
  case "$(score)" in *"azureml-model-deployment: green"*) green=$((green + 1)) ;; esac
done
expect_like "of 100 requests to green, 20 before it counted" $green "[1-9]*"
az ml online-endpoint update --name $ENDPOINT_NAME --traffic "blue=0 green=100" > updated.json
expect "traffic at the end" "$(az ml online-endpoint show -n $ENDPOINT_NAME --query traffic -o json)" \
'{
  "blue": 0,
  "green": 100
}'
for _ in {1..20}; do
  expect_like "all to green" "$(score)" '*azureml-model-deployment: green*'
done

expect "delete of a deployment" "$(az ml online-deployment delete --name blue \
  --endpoint $ENDPOINT_NAME --yes --no-wait)" ""
# While blue is being deleted, another operation on the endpoint is a conflict.
while az ml online-deployment show -n blue -e $ENDPOINT_NAME -o none 2> /dev/null; do :; done
expect_like "green without blue" "$(score)" 'HTTP/1.1 200 OK*azureml-model-deployment: green*'
expect "delete of an endpoint" "$(az ml online-endpoint delete --name $ENDPOINT_NAME --yes --no-wait)" ""
# The first call that finds it gone ends the wait.
while az ml online-endpoint show -n $ENDPOINT_NAME -o none 2> /dev/null; do :; done
expect_like "scoring after the end" "$(score)" 'HTTP/1.1 40[14]*'
expect "list after the end" "$(az ml online-endpoint list)" '[]'
