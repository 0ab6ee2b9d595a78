"""What is asked of Redis: one script a question, run by the server as one step, by the server's clock.

May know: Lua, Redis' commands. May not know: the client, asyncio.

A message is a hash of owner, lease_until (ms) and, at its end, completed; the key expires when it may be forgotten.
"""

_NOW = "local time = redis.call('TIME'); local now = time[1] * 1000 + math.floor(time[2] / 1000)\n"

CLAIM = (
    _NOW
    + """
local owner, lease_until, completed = unpack(redis.call('HMGET', KEYS[1], 'owner', 'lease_until', 'completed'))
if completed then return 'completed' end
if owner and owner ~= ARGV[1] and tonumber(lease_until) > now then return 'held' end
redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'lease_until', now + ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 'granted'
"""
)
"""KEYS: the key. ARGV: owner, lease (ms), keep (ms). Returns the value of a Claim."""

RENEW = (
    _NOW
    + """
if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'lease_until', now + ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
"""
)
"""KEYS: the key. ARGV: owner, lease (ms), keep (ms). Returns 1 if it is the owner's."""

COMPLETE = """
if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'completed', 1)
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
"""
"""KEYS: the key. ARGV: owner, keep (ms). Returns 1 if it is the owner's."""

RELEASE = """
local owner, completed = unpack(redis.call('HMGET', KEYS[1], 'owner', 'completed'))
if owner == ARGV[1] and not completed then redis.call('DEL', KEYS[1]) end
"""
"""KEYS: the key. ARGV: owner."""
