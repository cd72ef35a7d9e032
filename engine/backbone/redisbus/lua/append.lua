-- Adds messages to a log, all or none. KEYS: the log's meta, its stream, what its writer wrote last.
-- ARGV: an epoch to take if a new one is needed, the channel, PUBLISH or SPUBLISH, how many messages to keep, for how many ms (0: ever), how
-- long to remember the log, then numbers and messages.
local meta, stream, writer = KEYS[1], KEYS[2], KEYS[3]
local age = tonumber(ARGV[5])
local info = redis.call('INFO', 'server')
local line = string.find(info, 'run_id:', 1, true)
local run = string.sub(info, line + 7, line + 46)
local known = redis.call('HMGET', meta, 'run', 'epoch')
local epoch = known[2]
if known[1] ~= run then
	-- Another run of the server: the newest messages may be missing, so offsets could be given twice. A new epoch keeps them apart.
	if not epoch then redis.call('UNLINK', stream) end
	epoch = ARGV[1]
	redis.call('HSET', meta, 'run', run, 'epoch', epoch)
end
-- Messages whose answer was lost come again.
local first = 7
local last = tonumber(redis.call('GET', writer) or '0')
while first < #ARGV and tonumber(ARGV[first]) <= last do first = first + 2 end
if first > #ARGV then return epoch end
redis.call('SET', writer, ARGV[#ARGV - 1], 'PX', 600000)

local clock = redis.call('TIME')
local at = clock[1] .. string.format('%06d', clock[2])
local offset
for i = first + 1, #ARGV, 2 do
	offset = redis.call('HINCRBY', meta, 'offset', 1)
	local place = string.format('%.0f', offset)
	redis.call('XADD', stream, 'MAXLEN', '~', ARGV[4], '0-' .. place, 'a', at, 'm', ARGV[i])
	redis.call(ARGV[3], ARGV[2], 'l' .. epoch .. ' ' .. place .. ' ' .. at .. ' ' .. ARGV[i])
end
if age > 0 then
	redis.call('PEXPIRE', stream, age)
	redis.call('PEXPIRE', meta, ARGV[6])
	-- What is too old goes by the way, many at a time.
	if offset % 64 < (#ARGV - first + 1) / 2 then
		local oldest = clock[1] * 1000 + math.floor(clock[2] / 1000) - age
		local function old(e) return e and tonumber(e[2][2]) / 1000 <= oldest end
		if old(redis.call('XRANGE', stream, '-', '+', 'COUNT', 1)[1]) then
			local last
			for _, e in ipairs(redis.call('XRANGE', stream, '-', '+', 'COUNT', 256)) do
				if not old(e) then break end
				last = tonumber(string.match(e[1], '%d+$'))
			end
			redis.call('XTRIM', stream, 'MINID', '0-' .. string.format('%.0f', last + 1))
		end
	end
else
	redis.call('PERSIST', stream)
	redis.call('PERSIST', meta)
end
return epoch
