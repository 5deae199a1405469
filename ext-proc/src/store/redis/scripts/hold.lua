-- Holds all claims of an exchange, or none.
--
-- KEYS  1: the mark that says that this hold is settled; then for each claim: the counter's hash, its sorted set
-- ARGV  1: empty (tests: unix ms)  2: the hold's id  3: how long the hold lives, in ms
--       then for each claim: kind, of (see `read`), limit, spent, open, soft (1 or 0)
-- Returns integers: 1 (held), 0, 0 — or 0 (denied), the claim's place from 0, retry_after_ms —
--       or 2 (settled already: the caller gave up before this call arrived), 0, 0;
--       then for each claim: settled, open, reset_ms
if redis.call('EXISTS', KEYS[1]) == 1 then return { 2, 0, 0 } end
local now, id, life_ms = now_ms(ARGV[1]), ARGV[2], tonumber(ARGV[3])

-- Two claims may be of the same counter: they add up.
local claims, counters, denied = {}, {}, nil
for n = 1, (#KEYS - 1) / 2 do
  local hash, a = KEYS[2 * n], 6 * n - 3
  local c = counters[hash]
  if not c then
    c = read(hash, KEYS[2 * n + 1], ARGV[a + 1], ARGV[a + 2], now)
    counters[hash] = c
    forget_expired(c)
  end
  local spent, open, soft = tonumber(ARGV[a + 4]), tonumber(ARGV[a + 5]), ARGV[a + 6] == '1'
  claims[n] = { c = c, spent = spent, open = open }
  c.limit, c.pending = tonumber(ARGV[a + 3]), c.pending + spent + open
  if not denied and not soft and spent + open > 0 and c.total + c.open + c.pending > c.limit then
    denied = { n - 1, retry_after_ms(c, c.pending) }
  end
end

local reply
if denied then
  reply = { 0, denied[1], denied[2] }
else
  reply = { 1, 0, 0 }
  for n, claim in ipairs(claims) do
    charge(claim.c, claim.spent)
    if claim.open > 0 then hold_open(claim.c, id .. '.' .. (n - 1), claim.open, 0, now + life_ms) end
  end
  for _, c in pairs(counters) do
    if c.charged or #c.put > 0 then write(c, life_ms) end
    if #c.put > 0 then keep(c.zset, life_ms) end
  end
end
for _, claim in ipairs(claims) do tell(reply, claim.c) end
return reply
