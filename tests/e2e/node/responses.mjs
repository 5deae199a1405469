// Runs scenarios with the OpenAI Node SDK's Responses API and prints what it gave, as JSON:
// node responses.mjs BASE_URL API_KEY SCENARIOS
import OpenAI from "openai";

const [baseURL, apiKey, scenarios] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0, timeout: 30_000 });

// One scenario: {how: create | stream, params, script: JSON in ASCII}.
async function run({ how, params, script }) {
  const options = { headers: { "x-sim": script } };
  try {
    if (how === "create") return { response: await client.responses.create(params, options) };
    return { response: await client.responses.stream(params, options).finalResponse() };
  } catch (error) {
    if (!(error instanceof OpenAI.OpenAIError)) throw error;
    const { status, code, type, message } = error;
    return { error: { class: error.constructor.name, status, code, type, message } };
  }
}

const results = [];
for (const scenario of JSON.parse(scenarios)) results.push(await run(scenario));
console.log(JSON.stringify(results));
