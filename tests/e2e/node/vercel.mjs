// Runs scenarios with Vercel's AI SDK and prints what it gave, as JSON: node vercel.mjs BASE_URL API_KEY SCENARIOS
import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";

const [base, apiKey, scenarios] = process.argv.slice(2);
const fronts = {
  openai: createOpenAICompatible({ name: "attache", baseURL: `${base}/v1`, apiKey, includeUsage: true }),
  anthropic: createAnthropic({ baseURL: `${base}/v1`, apiKey }),
};
const weather = tool({
  description: "The weather of a city.",
  inputSchema: z.object({ city: z.string() }),
  execute: async ({ city }) => `${city}: rain`,
});

// One scenario: {front: openai | anthropic, model, how: generate | stream | tools}.
async function run({ front, model, how }) {
  const asked = { model: fronts[front](model), prompt: "hello", maxRetries: 0, maxOutputTokens: 500 };
  if (how === "stream") {
    const streamed = streamText(asked);
    return { text: await streamed.text, usage: await streamed.usage };
  }
  if (how === "generate") {
    const { text, usage } = await generateText(asked);
    return { text, usage };
  }
  const { text, steps } = await generateText({ ...asked, tools: { weather }, stopWhen: stepCountIs(3) });
  const calls = steps.flatMap((step) => step.toolCalls).map(({ toolName, input }) => ({ name: toolName, input }));
  return { text, calls };
}

const results = [];
for (const scenario of JSON.parse(scenarios)) results.push(await run(scenario));
console.log(JSON.stringify(results));
