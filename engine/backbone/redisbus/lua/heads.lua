-- Where logs are: epoch and newest offset of each, '' when that is not known. KEYS: their metas. ARGV: how long to remember each.
local info = redis.call('INFO', 'server')
local at = string.find(info, 'run_id:', 1, true)
local run = string.sub(info, at + 7, at + 46)
local all = {}
for i, meta in ipairs(KEYS) do
	local known = redis.call('HMGET', meta, 'run', 'epoch', 'offset')
	if known[1] == run then
		all[2 * i - 1], all[2 * i] = known[2], tonumber(known[3] or '0')
		if ARGV[i] ~= '0' then redis.call('PEXPIRE', meta, ARGV[i]) end
	else
		all[2 * i - 1], all[2 * i] = '', 0
	end
end
return all
