-- What is on the board: its epoch and place, ids and records of its nodes.
return { epoch, place, redis.call('HGETALL', nodes) }
