-- wrk's side of a run: POST the file named by the first argument; print one line of JSON.
-- With "varied" as the second, each request has another head. With "swaps", PUT that file and
-- the one named by the third in turn, one in as many milliseconds as the fourth says, however long
-- an answer takes.
local ffi = require("ffi")
ffi.cdef("typedef struct { long s; long ns; } moment; int clock_gettime(int clock, moment *now);")

local MONOTONIC = 1

local function now_ms()
  local now = ffi.new("moment")
  ffi.C.clock_gettime(MONOTONIC, now)
  return tonumber(now.s) * 1e3 + tonumber(now.ns) / 1e6
end

local function read(name)
  local file = assert(io.open(name, "rb"))
  local content = file:read("*a")
  file:close()
  return content
end

local function vary(whole)
  -- Put together once but for the id, so that the generator stays cheap.
  local line_end = assert(whole:find("\r\n", 1, true))
  local before = whole:sub(1, line_end + 1) .. "x-ms-client-request-id: "
  local after = whole:sub(line_end)
  local number = 0
  request = function()
    number = number + 1
    return before .. string.format("%012d", number) .. after
  end
end

local function swap(first, second, every_ms)
  local due_ms = now_ms()
  request = function()
    first, second = second, first
    return first
  end
  delay = function()
    due_ms = due_ms + every_ms
    return math.max(due_ms - now_ms(), 0)
  end
end

function init(args)
  wrk.method = args[2] == "swaps" and "PUT" or "POST"
  wrk.body = read(args[1])
  if args[2] == "varied" then
    vary(wrk.format())
  elseif args[2] == "swaps" then
    swap(wrk.format(), wrk.format(nil, nil, nil, read(args[3])), tonumber(args[4]))
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
