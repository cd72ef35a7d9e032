-- Takes nodes off the board. ARGV: their ids.
for i = 5, #ARGV do
	leave(ARGV[i])
end
return epoch
