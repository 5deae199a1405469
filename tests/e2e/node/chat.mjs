// Runs scenarios with the OpenAI Node SDK and prints what it gave, as JSON: node chat.mjs BASE_URL API_KEY SCENARIOS
import OpenAI from "openai";

const [baseURL, apiKey, scenarios] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0, timeout: 30_000 });

// One scenario: {how: create | iterate | stream | parse | models, params, script: JSON in ASCII}.
async function run({ how, params, script }) {
  const options = script ? { headers: { "x-sim": script } } : {};
  const seen = { text: "", chunks: 0 };
  try {
    switch (how) {
      case "create":
        return { completion: await client.chat.completions.create(params, options) };
      case "parse":
        return { completion: await client.chat.completions.parse(params, options) };
      case "stream":
        return { completion: await client.chat.completions.stream(params, options).finalChatCompletion() };
      case "iterate":
        for await (const chunk of await client.chat.completions.create({ ...params, stream: true }, options)) {
          seen.chunks += 1;
          seen.text += chunk.choices[0]?.delta?.content ?? "";
          if (chunk.usage) seen.usage = chunk.usage;
        }
        return seen;
      case "models":
        return { models: (await client.models.list()).data.map((model) => model.id) };
      default:
        throw new TypeError(`no such scenario: ${how}`);
    }
  } catch (error) {
    if (!(error instanceof OpenAI.OpenAIError)) throw error;
    const { status, code, type, message } = error;
    return { ...seen, error: { class: error.constructor.name, status, code, type, message } };
  }
}

const results = [];
for (const scenario of JSON.parse(scenarios)) results.push(await run(scenario));
console.log(JSON.stringify(results));
