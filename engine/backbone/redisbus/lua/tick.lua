-- Renews a node's lease and gives up those who let theirs lapse. ARGV: its id.
local before = tonumber(redis.call('HGET', meta, 'tick'))
redis.call('HSET', meta, 'tick', now)
if now - before > lease / 2 or now < before then
	-- Nobody could renew his lease: the server was away, or all were. That time does not count.
	for _, id in ipairs(redis.call('ZRANGE', leases, 0, -1)) do
		redis.call('ZADD', leases, now + lease, id)
	end
end
local renewed = 0
if here(ARGV[5]) then
	redis.call('ZADD', leases, now + lease, ARGV[5])
	renewed = 1
end
for _, id in ipairs(redis.call('ZRANGEBYSCORE', leases, '-inf', now, 'LIMIT', 0, 16)) do
	leave(id)
end
return { epoch, place, renewed }
