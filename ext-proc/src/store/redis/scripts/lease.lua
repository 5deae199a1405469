-- Says anew what a replica's lease holds, after what was used of it: all that it wants, or only what exchanges hold.
--
-- KEYS  1: the number of the lease's last message; then for each claim: the counter's hash, its sorted set
-- ARGV  1: empty (tests: unix ms)  2: the lease's id  3: how long it lives from now, in ms  4: this message's number
--       5: how long the number stands, in ms: longer than anybody tries again
--       then for each claim: kind, of (see `read`), limit, used since the message before, what exchanges hold, what it
--       wants to hold open (as much or more), soft (1 or 0)
-- Returns integers: 1 (it has what it wants), 0, 0 — or 0 (only what exchanges hold), the claim's place from 0,
--       retry_after_ms — or 2 (this message or a later one was here before: nothing is done), 0, 0;
--       then, but for 2, for each claim: settled in the window before, and after; settled, open, reset_ms
if tonumber(redis.call('GET', KEYS[1]) or 0) >= tonumber(ARGV[4]) then return { 2, 0, 0 } end
redis.call('SET', KEYS[1], ARGV[4], 'PX', ARGV[5])
local now, id, life_ms = now_ms(ARGV[1]), ARGV[2], tonumber(ARGV[3])

-- What was used is charged, and what the lease held is taken away.
local claims, counters = {}, {}
for n = 1, (#KEYS - 1) / 2 do
  local hash, a = KEYS[2 * n], 7 * n - 2
  local c = counters[hash]
  if not c then
    c = read(hash, KEYS[2 * n + 1], ARGV[a + 1], ARGV[a + 2], now)
    counters[hash] = c
    forget_expired(c)
  end
  local claim = { c = c, name = id .. '.' .. (n - 1), before = c.total, limit = tonumber(ARGV[a + 3]) }
  charge(c, tonumber(ARGV[a + 4]))
  claim.after, claim.held, claim.wants = c.total, tonumber(ARGV[a + 5]), tonumber(ARGV[a + 6])
  claim.soft = ARGV[a + 7] == '1'
  claim.had = tonumber(redis.call('HGET', hash, claim.name) or 0)
  c.open = math.max(0, c.open - claim.had)
  claims[n] = claim
end

local reply = { 1, 0, 0 }
for n, claim in ipairs(claims) do
  local c = claim.c
  c.limit, c.pending = claim.limit, c.pending + claim.wants
  if reply[1] == 1 and not claim.soft and claim.wants > claim.held and c.total + c.open + c.pending > c.limit then
    reply = { 0, n - 1, retry_after_ms(c, c.pending) }
  end
end

for _, claim in ipairs(claims) do
  local c, open = claim.c, reply[1] == 1 and claim.wants or claim.held
  if open > 0 then
    hold_open(c, claim.name, open, 0, now + life_ms)
    c.kept = true
  elseif claim.had > 0 then
    redis.call('HDEL', c.hash, claim.name)
    redis.call('ZREM', c.zset, claim.name)
    c.freed = true
  end
end
for _, c in pairs(counters) do
  if c.charged or c.kept or c.freed then write(c, c.kept and life_ms or 0) end
  if c.kept then keep(c.zset, life_ms) end
end
for _, claim in ipairs(claims) do
  reply[#reply + 1] = claim.before
  reply[#reply + 1] = claim.after
  tell(reply, claim.c)
end
return reply
