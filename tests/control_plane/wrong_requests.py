"""Requests that no client of ours would send, byte for byte; see test_wrong_calls.py."""

from tests.control_plane.daemon import ENDPOINTS
from tests.control_plane.wrong_rows import ABSENT, BAD, NAME, NO_ROUTE, NOT_ALLOWED, Status

# Method, path as it is sent, body, headers, status and code, message.
RawRow = tuple[str, str, bytes, dict[str, str], Status, str]

NOT_JSON = "request body: expected JSON, got something else: "
HOST = "expected the name or address of a host in the header Host, got {}: {}"
STORAGE = f"{ENDPOINTS}/fix".replace("MachineLearningServices", "Storage")
BATCH = ENDPOINTS.replace("online", "batch")
NO_OPERATION = (
    f"{ENDPOINTS.partition('/resourceGroups')[0]}/providers/Microsoft.MachineLearningServices/"
    "locations/local/mfeOperationsStatus/none"
)

ROWS: list[RawRow] = [
    ("PUT", "fix", b"", {}, BAD, "request body: expected a JSON object, got nothing, at `$`"),
    ("PUT", "fix", b"{", {}, BAD, f"{NOT_JSON}Input data was truncated"),
    ("PUT", "fix", b"nonsense", {}, BAD,
     f"{NOT_JSON}JSON is malformed: invalid character (byte 4)"),
    ("PUT", "fix", b"{'properties': {}}", {}, BAD,
     f"{NOT_JSON}JSON is malformed: object keys must be strings (byte 1)"),
    ("PUT", "fix", b"\xff", {}, BAD, f"{NOT_JSON}JSON is malformed: invalid character (byte 0)"),
    ("PUT", "fix", b'{"properties": {}} {}', {}, BAD,
     f"{NOT_JSON}JSON is malformed: trailing characters (byte 20)"),
    ("PUT", "fix", '{"properties": {}}'.encode("utf-16-le"), {}, BAD,
     f"{NOT_JSON}JSON is malformed: object keys must be strings (byte 1)"),
    ("PUT", "fix", b'\xef\xbb\xbf{"properties": {}}', {}, BAD,
     f"{NOT_JSON}JSON is malformed: invalid character (byte 0)"),
    ("PUT", "fix", b'{"properties": {"traffic": {"blue": NaN}}}', {}, BAD,
     f"{NOT_JSON}JSON is malformed: invalid character (byte 36)"),
    ("PUT", "fix", b'{"properties": {"description": "\\ud800"}}', {}, BAD,
     f"{NOT_JSON}Input data was truncated"),
    ("PUT", "fix", b"[]", {}, BAD, "request body: expected `object`, got array, at `$`"),
    ("PUT", "fix", b"null", {}, BAD, "request body: expected `object`, got null, at `$`"),
    ("PUT", "fix", b"1", {}, BAD, "request body: expected `object`, got 1 (int), at `$`"),
    ("PUT", "fix", b'"properties"', {}, BAD,
     "request body: expected `object`, got 'properties' (str), at `$`"),
    ("PUT", "fix", b"properties=%7B%7D", {}, BAD,
     f"{NOT_JSON}JSON is malformed: invalid character (byte 0)"),
    ("PUT", "fix", b'{"properties": {"traffic": {"blue": 1e400}}}', {}, BAD,
     f"{NOT_JSON}Number out of range - at `$[...][...][...]`"),
    ("PUT", "fix", b'{"properties": {"traffic": {"blue": 99999999999999999999}}}', {}, BAD,
     "request body, read as YAML: expected `int` <= 100, got 99999999999999999999 (int), at "
     "`$.traffic.blue`"),
    ("PUT", "fix", b'{"tags": []}', {}, BAD,
     "request body: expected `object | null`, got array, at `$.tags`"),
    ("PUT", "fix", b"[" * 100_000, {}, BAD,
     f"{NOT_JSON}maximum recursion depth exceeded while deserializing an object"),
    ("PUT", "fix", b'{"tags": ' + b"[" * 100 + b"]" * 100 + b"}", {}, BAD,
     "request body: expected at most 100 levels, got more, at `$`"),
    ("PUT", "fix", b" " * (16 * 1024 * 1024 + 1), {}, (413, "PayloadTooLarge"),
     "expected a body of at most 16777216 bytes, got more"),
    ("GET", "fix", b"", {"Host": ""}, BAD, HOST.format("''", "URL should be absolute")),
    ("GET", "fix", b"", {"Host": "a:b"}, BAD,
     HOST.format("'a:b'", "Invalid URL: port can't be converted to integer")),
    ("DELETE", "fix", b"", {"Host": "a:65536"}, BAD,
     HOST.format("'a:65536'", "Port out of range 0-65535")),
    ("PUT", "fix/deployments/red", b"{}", {"Host": ":"}, BAD,
     HOST.format("':'", "URL should be absolute")),
    ("POST", "fix/regenerateKeys", b"", {}, BAD,
     "request body: expected a JSON object, got nothing, at `$`"),
    ("POST", "fix/regenerateKeys", b"[]", {}, BAD,
     "request body: expected `object`, got array, at `$`"),
    ("POST", "fix/deployments/blue/getLogs", b"", {}, BAD,
     "request body: expected a JSON object, got nothing, at `$`"),
    ("POST", "fix/deployments/blue/getLogs", b'{"tail": 1e99}', {}, BAD,
     "request body: expected `int`, got 1e+99 (float), at `$.tail`"),
    ("PUT", "fix/deployments/red", b"\x00", {}, BAD,
     f"{NOT_JSON}JSON is malformed: invalid character (byte 0)"),
    ("PUT", "a%00bc", b'{"properties": {}}', {}, BAD, NAME.format("an endpoint", "'a\\x00bc'")),
    ("PUT", "a%0D%0Abc", b'{"properties": {}}', {}, BAD, NAME.format("an endpoint", "'a\\r\\nbc'")),
    ("PUT", "fix%2Fdeployments%2Fred", b'{"properties": {}}', {}, BAD,
     NAME.format("an endpoint", "'fix/deployments/red'")),
    ("PUT", "..%2Fabc", b'{"properties": {}}', {}, BAD, NAME.format("an endpoint", "'../abc'")),
    ("PUT", "%FFabc", b'{"properties": {}}', {}, BAD, NAME.format("an endpoint", "'%FFabc'")),
    ("PUT", "fix/deployments/%E2%80%AEred", b"{}", {}, BAD,
     "request body: expected the key `properties`, got none, at `$`: Missing data for required "
     "field."),
    ("GET", "fix/", b"", {}, NO_ROUTE, f"Not Found: GET {ENDPOINTS}/fix/"),
    ("GET", "/", b"", {}, NO_ROUTE, "Not Found: GET /"),
    ("GET", "/onlineEndpoints/fix", b"", {}, NO_ROUTE, "Not Found: GET /onlineEndpoints/fix"),
    ("GET", STORAGE, b"", {}, NO_ROUTE, f"Not Found: GET {STORAGE}"),
    ("GET", BATCH, b"", {}, NO_ROUTE, f"Not Found: GET {BATCH}"),
    ("GET", "fix/statistics/more", b"", {}, NO_ROUTE,
     f"Not Found: GET {ENDPOINTS}/fix/statistics/more"),
    ("GET", "fix/skus", b"", {}, NO_ROUTE, f"Not Found: GET {ENDPOINTS}/fix/skus"),
    ("GET", "fix/listKeys", b"", {}, NOT_ALLOWED,
     f"Method Not Allowed: GET {ENDPOINTS}/fix/listKeys"),
    ("DELETE", "", b"", {}, NOT_ALLOWED, f"Method Not Allowed: DELETE {ENDPOINTS}"),
    ("DELETE", "/status", b"", {}, NOT_ALLOWED, "Method Not Allowed: DELETE /status"),
    ("POST", "/openapi.json", b"{}", {}, NOT_ALLOWED, "Method Not Allowed: POST /openapi.json"),
    ("PUT", "fix/deployments", b"{}", {}, NOT_ALLOWED,
     f"Method Not Allowed: PUT {ENDPOINTS}/fix/deployments"),
    ("GET", NO_OPERATION, b"", {}, ABSENT,
     "expected the id of an operation, of the last 1000, got 'none'. The resource's "
     "provisioningState says how it ended."),
]  # fmt: skip
