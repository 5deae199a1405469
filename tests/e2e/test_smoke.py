"""The shortest way through the whole house, in both topologies."""


def test_both_fronts_reach_both_providers(both):
    for model in ("openai-only", "claude-only"):
        chat = both.openai.chat.completions.create(model=model, messages=[{"role": "user", "content": "hello"}])
        assert chat.choices[0].message.content == "You said: hello"
        message = both.anthropic.messages.create(
            model=model, max_tokens=50, messages=[{"role": "user", "content": "hello"}]
        )
        assert message.content[0].text == "You said: hello"
