-- Stops after as many responses as the first argument says, and tells what came: wrk itself goes on
-- until its time is over and counts no bytes of bodies. For one thread.

local thread

function setup(one)
  thread = one
end

function init(arguments)
  wanted = tonumber(arguments[1])
  complete, failed, body_bytes = 0, 0, 0
end

function response(status, headers, body)
  -- Those that are read together with the last one.
  if complete == wanted then
    return
  end
  complete = complete + 1
  body_bytes = body_bytes + #body
  if status ~= 200 then
    failed = failed + 1
  end
  if complete == wanted then
    wrk.thread:stop()
  end
end

function done(summary)
  local errors = summary.errors
  io.write(string.format(
    "count.lua: %d complete, %d failed, %d bytes of body\n",
    thread:get("complete"),
    thread:get("failed") + errors.connect + errors.read + errors.write + errors.timeout,
    thread:get("body_bytes")
  ))
end
