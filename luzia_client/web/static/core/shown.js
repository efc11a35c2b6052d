// What is on the screen, for the keys and the palette: the pages that they act on are loaded later, and say so themselves.

/** The job of the page of a job; null while that page is not shown. */
export const jobOfPage = { job: null };

/** What the keys do with the output that is shown; null while none is. */
export const logKeys = { shown: null };
