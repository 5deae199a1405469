-- How counters stand. Changes nothing.
--
-- KEYS  for each counter: its hash, its sorted set
-- ARGV  1: empty (tests: unix ms); then for each counter: kind, of (see `read`)
-- Returns for each counter: settled, open, reset_ms
local now, reply = now_ms(ARGV[1]), {}
for n = 1, #KEYS / 2 do
  tell(reply, read(KEYS[2 * n - 1], KEYS[2 * n], ARGV[2 * n], ARGV[2 * n + 1], now))
end
return reply
