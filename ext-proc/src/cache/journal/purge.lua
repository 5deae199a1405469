-- Writes a purge down: a record in the stream for those who listen, a field for those who come later.
-- KEYS: the stream, the state. ARGV: the stream's length, the record, the field, the filter, whether it names everything,
-- the most fields, what purge fields begin with.
-- Returns the record's id; nothing when there are too many different purges.
local stream, state = KEYS[1], KEYS[2]
if ARGV[5] == '1' then
	redis.call('XTRIM', stream, 'MAXLEN', 0)
	for _, field in ipairs(redis.call('HKEYS', state)) do
		if string.sub(field, 1, #ARGV[7]) == ARGV[7] then
			redis.call('HDEL', state, field)
		end
	end
end
if redis.call('HEXISTS', state, ARGV[3]) == 0 and redis.call('HLEN', state) >= tonumber(ARGV[6]) then
	return false
end
local id = redis.call('XADD', stream, 'MAXLEN', '~', ARGV[1], '*', 'r', ARGV[2])
redis.call('HSET', state, ARGV[3], id .. ' ' .. ARGV[4], 'latest', id)
return id
