-- Writes entries of a node. ARGV: its id, the number of this write, then keys and values: '+' and the value, or '-' for none.
local id, number = ARGV[5], tonumber(ARGV[6])
if not here(id) then
	return { epoch, -1 }
end
-- A write whose answer was lost comes again.
if tonumber(redis.call('HGET', meta, 's' .. id) or '0') >= number then
	return { epoch, 0 }
end
redis.call('HSET', meta, 's' .. id, number)
local entries = ARGV[2] .. id
for i = 7, #ARGV, 2 do
	if ARGV[i + 1] == '-' then
		redis.call('HDEL', entries, ARGV[i])
	else
		redis.call('HSET', entries, ARGV[i], ARGV[i + 1])
	end
end
tell('c', id, unpack(ARGV, 7))
return { epoch, 1 }
