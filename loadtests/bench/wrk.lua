-- wrk's side of a run: POST the file named by the first argument; print one line of JSON.
-- With "varied" as the second, each request has another head.
function init(args)
  local file = assert(io.open(args[1], "rb"))
  wrk.method = "POST"
  wrk.body = file:read("*a")
  file:close()
  if args[2] == "varied" then
    -- Put together once but for the id, so that the generator stays cheap.
    local whole = wrk.format()
    local line_end = assert(whole:find("\r\n", 1, true))
    local before = whole:sub(1, line_end + 1) .. "x-ms-client-request-id: "
    local after = whole:sub(line_end)
    local number = 0
    request = function()
      number = number + 1
      return before .. string.format("%012d", number) .. after
    end
  end
end

function done(summary, latency, requests)
  local errors = summary.errors
  print(string.format(
    '{"requests": %d, "seconds": %f, "p50_ms": %f, "p99_ms": %f, "failed": %d}',
    summary.requests, summary.duration / 1e6,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
