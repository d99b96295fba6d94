-- Check-ins of random jobs among those that were loaded, and one line of figures at the end.
local started = 0

function setup(thread)
  started = started + 1
  thread:set("seed", os.time() * 100 + started)
end

function init(args)
  math.randomseed(seed)
  jobs = tonumber(args[1])
end

function request()
  local job = math.random(0, jobs - 1)
  return wrk.format("GET", string.format(
    "/?cronname=job-%d&account=account-%d&email=team-%d%%40example.com&frequency=86400",
    job % 100, math.floor(job / 100), math.floor(job / 100) % 50))
end

function done(summary, latency, requests)
  local errors = summary.errors
  print(string.format("figures %d %d %d %d",
    summary.requests, summary.duration, latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.timeout + errors.status))
end
