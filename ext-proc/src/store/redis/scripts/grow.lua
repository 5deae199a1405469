-- Holds more for an exchange that goes on, all or nothing, and lets its hold live on. What had expired is held again.
--
-- KEYS  1: the mark that says that this hold is settled; then for each claim: the counter's hash, its sorted set
-- ARGV  1: empty (tests: unix ms)  2: the hold's id  3: how long the hold lives from now, in ms
--       then for each claim: kind, of (see `read`), limit, what shall be open now, soft (1 or 0)
-- Returns what hold.lua returns. What shall be open is said whole, so that the same call may come twice.
if redis.call('EXISTS', KEYS[1]) == 1 then return { 2, 0, 0 } end
local now, id, life_ms = now_ms(ARGV[1]), ARGV[2], tonumber(ARGV[3])

local claims, counters, denied = {}, {}, nil
for n = 1, (#KEYS - 1) / 2 do
  local hash, a = KEYS[2 * n], 5 * n - 2
  local c = counters[hash]
  if not c then
    c = read(hash, KEYS[2 * n + 1], ARGV[a + 1], ARGV[a + 2], now)
    counters[hash] = c
    forget_expired(c)
  end
  local name, open, soft = id .. '.' .. (n - 1), tonumber(ARGV[a + 4]), ARGV[a + 5] == '1'
  local held = tonumber(redis.call('HGET', hash, name) or 0)
  claims[n] = { c = c, name = name, open = open, held = held }
  c.limit, c.pending = tonumber(ARGV[a + 3]), c.pending + open - held
  if not denied and not soft and open > held and c.total + c.open + c.pending > c.limit then
    denied = { n - 1, retry_after_ms(c, c.pending) }
  end
end

local reply
if denied then
  reply = { 0, denied[1], denied[2] }
else
  reply = { 1, 0, 0 }
  for _, claim in ipairs(claims) do
    if claim.open > 0 then hold_open(claim.c, claim.name, claim.open, claim.held, now + life_ms) end
  end
  for _, c in pairs(counters) do
    if #c.put > 0 then
      write(c, life_ms)
      keep(c.zset, life_ms)
    end
  end
end
for _, claim in ipairs(claims) do tell(reply, claim.c) end
return reply
