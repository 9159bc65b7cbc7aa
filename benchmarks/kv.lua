-- What wrk asks of either store: writes or linearizable reads of keys chosen at random.
--
-- Told by the environment, for wrk hands no arguments to the part that places its threads:
-- STORE node|etcd, ASK write|read, KEYS, VALUE_BYTES, and ASKED, the addresses HOST:PORT of
-- the nodes to ask, separated by spaces; each thread asks one of them, in turn.
--
-- Ends with one line for the caller: RESULT requests_per_second p50_us p99_us failed

local store, ask = os.getenv("STORE"), os.getenv("ASK")
local keys, value_bytes = tonumber(os.getenv("KEYS")), tonumber(os.getenv("VALUE_BYTES"))

local addresses, threads = {}, 0

function setup(thread)
  if threads == 0 then
    for host, port in os.getenv("ASKED"):gmatch("(%S+):(%d+)") do
      addresses[#addresses + 1] = wrk.lookup(host, port)[1]
    end
  end
  thread.addr = addresses[threads % #addresses + 1]
  threads = threads + 1
  thread:set("number", threads)
end

local alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

local function base64(text)
  local digits = {}
  for at = 1, #text, 3 do
    local first, second, third = text:byte(at, at + 2)
    local bits = first * 65536 + (second or 0) * 256 + (third or 0)
    local count = third and 4 or second and 3 or 2
    for place = 3, 0, -1 do
      local digit = math.floor(bits / 64 ^ place) % 64 + 1
      digits[#digits + 1] = 3 - place < count and alphabet:sub(digit, digit) or "="
    end
  end
  return table.concat(digits)
end

local function request_for(key, value)
  if store == "etcd" then
    local path = ask == "write" and "/v3/kv/put" or "/v3/kv/range"
    local body = '{"key":"' .. base64(key) .. '"'
    if ask == "write" then body = body .. ',"value":"' .. base64(value) .. '"' end
    return wrk.format("POST", path, { ["content-type"] = "application/json" }, body .. "}")
  end
  if ask == "read" then return wrk.format("GET", "/kv/" .. key) end
  local body = '{"value":"' .. value .. '"}'
  return wrk.format("PUT", "/kv/" .. key, { ["content-type"] = "application/json" }, body)
end

-- Made once, so that wrk costs both stores the same.
local requests = {}

function init()
  math.randomseed(number)
  local value = string.rep("v", value_bytes)
  for n = 1, keys do requests[n] = request_for("key-" .. n, value) end
end

function request()
  return requests[math.random(keys)]
end

function done(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.timeout + errors.status
  io.write(string.format("RESULT %.0f %d %d %d\n",
    (summary.requests - errors.status) / summary.duration * 1e6,
    latency:percentile(50), latency:percentile(99), failed))
end
