-- What every script of the board begins with.
-- KEYS: meta, leases, nodes, changes, gone. ARGV: an epoch to take if a new one is needed, the prefix of the hashes of entries, the
-- lease in ms, how many changes to keep; the script's own arguments follow.
local meta, leases, nodes, changes, gone = unpack(KEYS)
local lease = tonumber(ARGV[3])
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local info = redis.call('INFO', 'server')
local at = string.find(info, 'run_id:', 1, true)
local run = string.sub(info, at + 7, at + 46)
local known = redis.call('HMGET', meta, 'run', 'epoch', 'place')
local epoch, place = known[2], tonumber(known[3])

-- Another run of the server: whether all is there that was written cannot be known. The nodes write everything again.
if known[1] ~= run then
	for _, id in ipairs(redis.call('HKEYS', nodes)) do
		redis.call('UNLINK', ARGV[2] .. id)
	end
	redis.call('UNLINK', meta, leases, nodes, changes, gone)
	epoch, place = ARGV[1], 0
	redis.call('HSET', meta, 'run', run, 'epoch', epoch, 'place', 0, 'tick', now)
end

local function whole(n) return string.format('%.0f', n) end

-- tell gives a change its place: pairs of words, the first of them its kind and the node.
local function tell(...)
	place = redis.call('HINCRBY', meta, 'place', 1)
	redis.call('XADD', changes, 'MAXLEN', '~', ARGV[4], '0-' .. whole(place), 'e', epoch, ...)
end

-- come puts a node on the board.
local function come(id, record)
	redis.call('ZADD', leases, now + lease, id)
	redis.call('HSET', nodes, id, record)
	tell('u', id, 'r', record)
end

-- leave takes a node off it, with all it had; whoever took its lease away does so, so it happens once.
local function leave(id)
	if redis.call('ZREM', leases, id) == 0 then return end
	redis.call('UNLINK', ARGV[2] .. id)
	redis.call('HDEL', nodes, id)
	redis.call('HDEL', meta, 's' .. id)
	redis.call('ZADD', gone, now, id)
	redis.call('ZREMRANGEBYSCORE', gone, '-inf', now - 3600000)
	tell('g', id)
end

-- here tells whether an incarnation is on the board, and not only remembered from before the board lost its memory.
local function here(id)
	local record = redis.call('HGET', nodes, id)
	return record and string.find(record, '^%d+ 0 ')
end
