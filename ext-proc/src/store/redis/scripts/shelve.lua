-- Puts something on a shelf or takes it away, and says that the shelf has changed.
--
-- KEYS  1: the shelf's hash, id to content  2: its version
-- ARGV  1: the id  2: the content; without it, what has this id is taken away
-- Returns 1 if something with this id was there before, otherwise 0
local there = redis.call('HEXISTS', KEYS[1], ARGV[1])
if ARGV[2] then
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
else
  redis.call('HDEL', KEYS[1], ARGV[1])
end
-- The time, so that a version does not come back after everything was lost and written anew.
local time = redis.call('TIME')
local version = tonumber(time[1]) * 1000000 + tonumber(time[2])
version = math.max(version, tonumber(redis.call('GET', KEYS[2]) or 0) + 1)
redis.call('SET', KEYS[2], string.format('%.0f', version))
return there
