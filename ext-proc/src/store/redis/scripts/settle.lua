-- Settles a hold: what it held is free again, what was used is in the window. The second time it does nothing. A hold that
-- has expired is charged all the same.
--
-- KEYS  1: the mark that says that this hold is settled; then for each claim: the counter's hash, its sorted set
-- ARGV  1: empty (tests: unix ms)  2: the hold's id  3: how long the mark stands, in ms: longer than anybody tries again
--       then for each claim: kind, of (see `read`), used
-- Returns for each claim: settled in the window before, and after; nothing when it was settled already.
if not redis.call('SET', KEYS[1], '', 'NX', 'PX', ARGV[3]) then return {} end
local now, id = now_ms(ARGV[1]), ARGV[2]

local reply, counters = {}, {}
for n = 1, (#KEYS - 1) / 2 do
  local hash, zset, a = KEYS[2 * n], KEYS[2 * n + 1], 3 * n
  local c = counters[hash]
  if not c then
    c = read(hash, zset, ARGV[a + 1], ARGV[a + 2], now)
    counters[hash] = c
    forget_expired(c)
  end
  local name = id .. '.' .. (n - 1)
  local held = tonumber(redis.call('HGET', hash, name) or 0)
  if held > 0 then
    redis.call('HDEL', hash, name)
    redis.call('ZREM', zset, name)
    c.open, c.freed = math.max(0, c.open - held), true
  end
  reply[#reply + 1] = c.total
  charge(c, tonumber(ARGV[a + 3]))
  reply[#reply + 1] = c.total
end
for _, c in pairs(counters) do
  if c.charged or c.freed then write(c, 0) end
end
return reply
