-- A counter in Redis. Every script begins with this text.
--
-- A counter has two keys. The hash holds
--   open         the sum of what is held open
--   <id>.<n>     what the n-th claim of hold <id> holds open
--   total        the sum of what is settled in the window
--   at           sliding: the bucket up to which `total` is true; calendar: the period's beginning (unix ms)
--   newest       sliding: the newest bucket that has something
--   0 … 30       sliding: what is settled in bucket b, in field b % 31
-- The sorted set holds the names of the open claims by the time (unix ms) when they expire.
-- Sums are kept beside their parts, so a call costs as much as it has claims, however many holds and buckets there are.
-- Both keys get a time to live with every write, and never a shorter one than they need.
--
-- Numbers are integers below 2^53 and are written with all their digits, never as 1e+15.

local BUCKETS = 30             -- a sliding window is this many buckets, and the one that has only begun
local RING = BUCKETS + 1
local EXPIRED_MAX = 1000       -- expired claims that one call clears away per counter; the next call goes on
local MOST = 9007199254740991  -- 2^53 - 1
local RETRY_OPEN_MS = 1000     -- nobody knows when what is open will be settled
local DAY_MS = 86400000

local function digits(number)
  return string.format('%.0f', number)
end

-- Redis' own time in unix milliseconds. Only tests pass a time of theirs.
local function now_ms(passed)
  if passed ~= '' then return tonumber(passed) end
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

-- Year and month of a day that is counted from 1970-01-01 (Gregorian calendar, eras of 400 years that begin in March).
local function civil(day)
  local z = day + 719468
  local era = math.floor(z / 146097)
  local doe = z - era * 146097
  local yoe = math.floor((doe - math.floor(doe / 1460) + math.floor(doe / 36524) - math.floor(doe / 146096)) / 365)
  local doy = doe - (365 * yoe + math.floor(yoe / 4) - math.floor(yoe / 100))
  local mp = math.floor((5 * doy + 2) / 153)
  local month = mp < 10 and mp + 3 or mp - 9
  return yoe + era * 400 + (month <= 2 and 1 or 0), month
end

-- The day, counted from 1970-01-01, on which a month begins.
local function first_day(year, month)
  if month <= 2 then year = year - 1 end
  local era = math.floor(year / 400)
  local yoe = year - era * 400
  local doy = math.floor((153 * (month > 2 and month - 3 or month + 9) + 2) / 5)
  return era * 146097 + yoe * 365 + math.floor(yoe / 4) - math.floor(yoe / 100) + doy - 719468
end

-- When the period around `now` begins and ends, in unix milliseconds, UTC.
local function period(name, now)
  if name == 'hour' then
    local begins = now - now % 3600000
    return begins, begins + 3600000
  end
  local day = math.floor(now / DAY_MS)
  local first, last = day, day + 1
  if name == 'week' then
    first = day - (day + 3) % 7 -- 1970-01-01 was a Thursday
    last = first + 7
  elseif name == 'month' then
    local year, month = civil(day)
    first = first_day(year, month)
    last = month == 12 and first_day(year + 1, 1) or first_day(year, month + 1)
  elseif name == 'year' then
    local year = civil(day)
    first, last = first_day(year, 1), first_day(year + 1, 1)
  end
  return first * DAY_MS, last * DAY_MS
end

-- Moves a sliding window to `now`: what has left it leaves the total. Nothing is written yet.
local function slide(c, now)
  c.width = math.max(1, math.ceil(c.span / BUCKETS))
  local bucket = math.floor(now / c.width)
  if c.total == 0 or not c.at then
    c.at, c.total, c.newest = bucket, 0, nil
    -- Fields of buckets that are long over may still be there: a bucket that is written to first begins at nothing.
    c.fresh = true
    return
  end
  local steps = bucket - c.at
  if steps <= 0 then
    -- The clock of a replica that was made master may be behind: the window stands still until it has caught up.
    if steps < -RING then c.at, c.newest, c.piled = bucket, bucket, c.total end
    return
  end
  c.at = bucket
  if steps >= RING then
    c.total, c.newest, c.fresh = 0, nil, true
    return
  end
  for b = bucket - steps + 1, bucket do c.gone[#c.gone + 1] = digits(b % RING) end
  for _, amount in ipairs(redis.call('HMGET', c.hash, unpack(c.gone))) do
    c.total = c.total - (tonumber(amount or 0) or 0)
  end
  if c.total <= 0 then c.total, c.newest = 0, nil end
end

-- Reads a counter as it stands at `now`. kind: open, sliding (of: milliseconds), calendar (of: the period's name).
local function read(hash, zset, kind, of, now)
  local c = { hash = hash, zset = zset, kind = kind, now = now, gone = {}, put = {}, pending = 0 }
  local known = redis.call('HMGET', hash, 'open', 'total', 'at', 'newest')
  c.open = tonumber(known[1] or 0)
  c.total, c.at, c.newest = tonumber(known[2] or 0), tonumber(known[3] or nil), tonumber(known[4] or nil)
  if kind == 'sliding' then
    c.span = tonumber(of)
    slide(c, now)
  elseif kind == 'calendar' then
    local begins
    begins, c.ends = period(of, now)
    -- A clock that is behind does not bring back a period that is over.
    if not c.at or c.at < begins then c.at, c.total = begins, 0 end
  else
    c.total = 0
  end
  if c.open > 0 then
    c.expired = redis.call('ZRANGEBYSCORE', zset, '-inf', digits(now), 'LIMIT', 0, EXPIRED_MAX)
    if #c.expired > 0 then
      for _, amount in ipairs(redis.call('HMGET', hash, unpack(c.expired))) do
        c.open = math.max(0, c.open - tonumber(amount or 0))
      end
    end
  end
  return c
end

-- Clears away what `read` found expired: it is true whatever becomes of the call.
local function forget_expired(c)
  if not c.expired or #c.expired == 0 then return end
  redis.call('HDEL', c.hash, unpack(c.expired))
  redis.call('ZREM', c.zset, unpack(c.expired))
  redis.call('HSET', c.hash, 'open', digits(c.open))
  c.expired = nil
end

-- Lets a key live for so many milliseconds at least, and some more, so that most writes need not say it again.
local function keep(key, ms)
  if redis.call('PTTL', key) < ms then
    redis.call('PEXPIRE', key, digits(ms + math.floor(ms / 8) + 60000))
  end
end

-- Adds to what is settled in the window.
local function charge(c, amount)
  if c.kind == 'open' or amount == 0 then return end
  c.total = math.min(MOST, c.total + amount)
  c.charged = true
  if c.kind == 'sliding' then
    c.newest = c.at
    c.added = (c.added or 0) + amount
  end
end

-- Holds an amount open until `expires`, in place of what this claim may hold already.
local function hold_open(c, name, amount, held, expires)
  c.open = math.min(MOST, c.open + amount - held)
  c.put[#c.put + 1] = name
  c.put[#c.put + 1] = digits(amount)
  redis.call('ZADD', c.zset, digits(expires), name)
end

-- Writes what has changed, and how long the keys live: the window, and the holds of `life_ms`.
local function write(c, life_ms)
  if c.piled or (c.fresh and c.charged) then
    local all = {}
    for slot = 0, RING - 1 do all[#all + 1] = digits(slot) end
    redis.call('HDEL', c.hash, unpack(all))
    if c.piled then redis.call('HSET', c.hash, digits(c.at % RING), digits(c.piled)) end
  elseif #c.gone > 0 then
    redis.call('HDEL', c.hash, unpack(c.gone))
  end
  local put, lives = c.put, life_ms
  put[#put + 1] = 'open'
  put[#put + 1] = digits(c.open)
  if c.kind == 'sliding' then
    if c.charged or c.piled or #c.gone > 0 then
      for name, value in pairs({ total = c.total, at = c.at, newest = c.newest }) do
        put[#put + 1] = name
        put[#put + 1] = digits(value)
      end
    end
    if c.added then redis.call('HINCRBY', c.hash, digits(c.at % RING), digits(c.added)) end
    lives = math.max(lives, (RING + 1) * c.width)
  elseif c.kind == 'calendar' and c.charged then
    for name, value in pairs({ total = c.total, at = c.at }) do
      put[#put + 1] = name
      put[#put + 1] = digits(value)
    end
    lives = math.max(lives, c.ends - c.now)
  end
  redis.call('HSET', c.hash, unpack(put))
  keep(c.hash, lives)
end

-- Milliseconds until everything that is settled now has left the window.
local function reset_ms(c)
  if c.total == 0 then return 0 end
  if c.kind == 'calendar' then return math.max(0, c.ends - c.now) end
  return math.max(0, ((c.newest or c.at) + RING) * c.width - c.now)
end

-- Milliseconds until `amount` fits, if what is open stays open.
local function retry_after_ms(c, amount)
  local room = c.limit - c.open - amount
  if c.kind == 'open' or room < 0 then return RETRY_OPEN_MS end
  if c.kind == 'calendar' then return math.max(1, c.ends - c.now) end
  if c.piled then return math.max(1, (c.at + RING) * c.width - c.now) end
  local gone, slots = {}, {}
  for _, slot in ipairs(c.gone) do gone[slot] = true end
  for b = c.at - BUCKETS, c.at do slots[#slots + 1] = digits(b % RING) end
  local left = c.total
  for place, amount_in in ipairs(redis.call('HMGET', c.hash, unpack(slots))) do
    if not gone[slots[place]] and not c.fresh then left = left - tonumber(amount_in or 0) end
    if place == #slots then left = left - (c.added or 0) end -- charged in this call, and not written yet
    if left <= room then return math.max(1, (c.at - BUCKETS + place - 1 + RING) * c.width - c.now) end
  end
  return RETRY_OPEN_MS
end

-- Adds how a counter stands to a reply: settled, open, reset_ms.
local function tell(reply, c)
  reply[#reply + 1] = c.total
  reply[#reply + 1] = c.open
  reply[#reply + 1] = reset_ms(c)
end
