/** The part of `@tgwf/co2` that is used here; the package ships no types. */
declare module '@tgwf/co2/data' {
  /** Grams of CO2 equivalent per kWh by region: ISO 3166 alpha-3 codes and names of world regions. */
  export const averageIntensity: { readonly data: Readonly<Record<string, number>> }
  /** The same for the next kWh drawn from the grid; the numbers and the year are texts. */
  export const marginalIntensity: { readonly data: Readonly<Record<string, string>>; readonly year: string }
}
