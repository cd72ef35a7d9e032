-- Puts a node on the board. ARGV: its id and name, the epoch it knew and who was on the board then: id, since, name for each.
local id, name, knew = ARGV[5], ARGV[6], ARGV[7]
if not here(id) then
	if knew ~= '' and knew ~= epoch then
		-- The board has lost its memory. Who was there has one lease's time to come back; '1' says that his entries are not here.
		for i = 8, #ARGV, 3 do
			local other = ARGV[i]
			if not redis.call('ZSCORE', leases, other) and not redis.call('ZSCORE', gone, other) then
				come(other, ARGV[i + 1] .. ' 1 ' .. ARGV[i + 2])
			end
		end
	end
	come(id, whole(now) .. ' 0 ' .. name)
end
return epoch
