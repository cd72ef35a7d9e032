-- Where a log is: epoch, newest offset, time in ms. A log that is not there yet begins. KEYS: its meta, its stream.
-- ARGV: an epoch to take if a new one is needed, how long to remember the log in ms (0: ever).
local info = redis.call('INFO', 'server')
local at = string.find(info, 'run_id:', 1, true)
local run = string.sub(info, at + 7, at + 46)
local known = redis.call('HMGET', KEYS[1], 'run', 'epoch', 'offset')
if known[1] ~= run then
	if not known[2] then redis.call('UNLINK', KEYS[2]) end
	known[2] = ARGV[1]
	redis.call('HSET', KEYS[1], 'run', run, 'epoch', known[2])
end
if ARGV[2] ~= '0' then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
local clock = redis.call('TIME')
return { known[2], tonumber(known[3] or '0'), clock[1] * 1000 + math.floor(clock[2] / 1000) }
